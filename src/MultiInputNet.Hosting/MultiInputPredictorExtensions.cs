using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace MultiInputNet.Hosting;

/// <summary>Serves a model with ASP.NET Core.</summary>
public static class MultiInputPredictorExtensions
{
    /// <summary>
    /// Adds a <see cref="Predictor"/> with dynamic batching, loaded from a file before the program listens, and a health check.
    /// </summary>
    /// <remarks>
    /// It is injected as <see cref="BatchingPredictor"/> and <see cref="IPredictor"/>. When the program stops, it is disposed of after the
    /// requests in flight are answered. Its metrics are those of the meter <c>MultiInputNet.Hosting</c>.
    /// </remarks>
    /// <param name="services">The services.</param>
    /// <param name="path">A file written by <see cref="MultiInputModel.Save"/>.</param>
    /// <param name="configure">Sets options; defaults when null.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddMultiInputPredictor(this IServiceCollection services, string path, Action<MultiInputPredictorOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        if (configure is not null)
            services.Configure(configure);
        return services.AddMultiInputPredictor(provider => Predictor.Load(path, OptionsOf(provider).Predictor));
    }

    /// <summary>Adds any predictor, such as a model that was just trained, with dynamic batching and a health check.</summary>
    /// <remarks>
    /// As for a file; set options with <c>services.Configure&lt;MultiInputPredictorOptions&gt;(...)</c>.
    /// </remarks>
    /// <param name="services">The services.</param>
    /// <param name="create">Creates the predictor, which is disposed of when the program stops.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddMultiInputPredictor(this IServiceCollection services, Func<IServiceProvider, IPredictor> create)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(create);
        services.AddMetrics();
        services.AddHealthChecks().AddCheck<PredictorHealthCheck>("multi_input_predictor");
        return services
            .AddSingleton(provider => new BatchingPredictor(create(provider), OptionsOf(provider).Batching))
            .AddSingleton<IPredictor>(provider => provider.GetRequiredService<BatchingPredictor>())
            .AddSingleton<PredictorService>()
            .AddHostedService<PredictorStart>();
    }

    /// <summary>Maps the endpoints of a predictor that was added with <c>AddMultiInputPredictor</c>.</summary>
    /// <remarks>
    /// <para><c>POST /predict/{task}</c> answers one task, <c>POST /predict</c> all that the given inputs allow; <c>GET /model</c> describes
    /// inputs and tasks; <c>GET /health</c> answers 200 when ready and 503 otherwise, with all of the program's health checks.</para>
    /// <para>A sample is JSON: an object of columns for a table that names them, arrays of numbers in the input's shape, or an image file
    /// in Base64. For <c>/predict</c>, and for a task of several inputs, it is an object of these by the inputs' names. A list of samples
    /// gets a list of answers. An image file can also be the body, and <c>multipart/form-data</c> has a part for each input by its name.
    /// <c>?top=3</c> gives only the most probable classes and labels.</para>
    /// <para>What is wrong with a request is answered as problem+json (RFC 9457): 404 for an unknown task, 400 for samples that do not fit,
    /// 413, 415, and 503 with Retry-After while the queue is full.</para>
    /// </remarks>
    /// <param name="endpoints">The program.</param>
    /// <returns>All endpoints, to require authorisation or limit rates.</returns>
    public static RouteGroupBuilder MapMultiInputPredictor(this IEndpointRouteBuilder endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        var group = endpoints.MapGroup("");
        RequestDelegate predict = PredictEndpoint.RunAsync;
        group.MapPost("/predict", predict);
        group.MapPost("/predict/{task}", predict);
        group.MapGet("/model", (RequestDelegate)(async context =>
        {
            context.Response.ContentType = "application/json; charset=utf-8";
            await context.Response.Body.WriteAsync(context.RequestServices.GetRequiredService<PredictorService>().Model, context.RequestAborted).ConfigureAwait(false);
        }));
        group.MapHealthChecks("/health");
        return group;
    }

    private static MultiInputPredictorOptions OptionsOf(IServiceProvider provider) => provider.GetRequiredService<IOptions<MultiInputPredictorOptions>>().Value;
}
