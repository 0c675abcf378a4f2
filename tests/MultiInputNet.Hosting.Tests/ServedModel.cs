using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace MultiInputNet.Hosting.Tests;

/// <summary>A predictor served by Kestrel on a free port of this machine.</summary>
internal sealed class ServedModel : IAsyncDisposable
{
    private ServedModel(WebApplication app)
    {
        App = app;
        Client = new() { BaseAddress = new(app.Urls.Single()) };
    }

    public WebApplication App { get; }

    public HttpClient Client { get; }

    public static Task<ServedModel> StartAsync(IPredictor predictor, Action<MultiInputPredictorOptions>? configure = null) => StartAsync(services =>
    {
        services.Configure(configure ?? (_ => { }));
        services.AddMultiInputPredictor(_ => predictor);
    });

    public static async Task<ServedModel> StartAsync(Action<IServiceCollection> add)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        add(builder.Services);
        var app = builder.Build();
        app.MapMultiInputPredictor();
        await app.StartAsync();
        return new(app);
    }

    /// <summary>Sends JSON and reads the JSON of the answer, whose status is checked.</summary>
    public async Task<JsonElement> PostAsync(string path, object body, int status = 200)
    {
        using var content = body as HttpContent ?? JsonContent.Create(body);
        using var response = await Client.PostAsync(new Uri(path, UriKind.Relative), content);
        var text = await response.Content.ReadAsStringAsync();
        ((int)response.StatusCode).Should().Be(status, text);
        response.Content.Headers.ContentType!.MediaType.Should().Be(status == 200 ? "application/json" : "application/problem+json");
        return JsonSerializer.Deserialize<JsonElement>(text);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await App.DisposeAsync();
    }
}
