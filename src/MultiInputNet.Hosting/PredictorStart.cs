using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace MultiInputNet.Hosting;

/// <summary>Loads the model when the program starts, before it listens: a file that cannot be loaded is not a surprise to the first caller.</summary>
internal sealed class PredictorStart(IServiceProvider services) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        services.GetRequiredService<PredictorService>();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
