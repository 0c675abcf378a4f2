using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace MultiInputNet.Hosting;

/// <summary>Ready while requests are answered; not while the program stops, and degraded while the queue is full.</summary>
internal sealed class PredictorHealthCheck(PredictorService service, IHostApplicationLifetime lifetime) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) => Task.FromResult(
        lifetime.ApplicationStopping.IsCancellationRequested ? HealthCheckResult.Unhealthy("The program is stopping.")
        : service.Predictor.QueueLength >= service.Options.Batching.QueueLimit ? HealthCheckResult.Degraded("The queue is full.")
        : HealthCheckResult.Healthy());
}
