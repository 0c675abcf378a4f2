using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace MultiInputNet.Hosting;

/// <summary>Answers <c>POST /predict</c> and <c>POST /predict/{task}</c>.</summary>
internal static partial class PredictEndpoint
{
    private const string Internal = "internal";

    public static async Task RunAsync(HttpContext context)
    {
        var start = Stopwatch.GetTimestamp();
        var service = context.RequestServices.GetRequiredService<PredictorService>();
        var (task, count, error) = ((TaskDescription?)null, 0, (string?)null);
        try
        {
            if (context.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested)
                throw Unavailable("stopping", "The program is stopping.");
            task = FindTask(service, context.GetRouteValue("task") as string);
            var top = ReadTop(context.Request.Query["top"]);
            var body = await ReadBodyAsync(context, service.Options.LargestRequest).ConfigureAwait(false);
            var (samples, isList) = await EncodeAsync(service, task, context.Request.ContentType, body, context.RequestAborted).ConfigureAwait(false);
            using (samples)
            {
                var answers = await service.Predictor.PredictBatchAsync(samples.Inputs, task is null ? null : [task.Name], context.RequestAborted).ConfigureAwait(false);
                await WriteAsync(context, answers, task?.Name, isList, samples.Count, top).ConfigureAwait(false);
                count = samples.Count;
            }
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is left to be answered; the code is what servers log for it.
            error = "canceled";
            context.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
        }
        catch (Exception e) when (!context.Response.HasStarted)
        {
            var problem = ProblemOf(e);
            error = problem.Kind;
            if (error == Internal)
                LogFailure(context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger(PredictorMetrics.MeterName), e, context.Request.Path);
            if (problem.Status == StatusCodes.Status503ServiceUnavailable)
                context.Response.Headers.RetryAfter = "1";
            await TypedResults.Problem(problem.Message, statusCode: problem.Status).ExecuteAsync(context).ConfigureAwait(false);
        }
        finally
        {
            service.Metrics.Count(task?.Name, count, error, Stopwatch.GetElapsedTime(start));
        }
    }

    private static RequestException ProblemOf(Exception error) => error switch
    {
        RequestException e => e,
        MultiInputException e => RequestException.Invalid(e.Message),
        QueueFullException => Unavailable("queue_full", "Too many samples are waiting. Try again later."),
        ObjectDisposedException => Unavailable("stopping", "The program is stopping."),
        BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } => RequestException.TooLarge("The request is too large."),
        BadHttpRequestException e => new(e.StatusCode, "bad_request", e.Message),
        _ => new(StatusCodes.Status500InternalServerError, Internal, "The model failed. The program's log says why."),
    };

    private static RequestException Unavailable(string kind, string detail) => new(StatusCodes.Status503ServiceUnavailable, kind, detail);

    private static TaskDescription? FindTask(PredictorService service, string? name)
    {
        if (name is null)
            return null;
        var tasks = service.Predictor.Description.Tasks;
        return tasks.FirstOrDefault(task => task.Name == name) ?? throw new RequestException(
            StatusCodes.Status404NotFound, "unknown_task", $"The model has no task of this name. Its tasks are {string.Join(", ", tasks.Select(task => $"'{task.Name}'"))}.");
    }

    private static int? ReadTop(string? text) => text is null ? null
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var top) && top > 0 ? top
        : throw RequestException.Invalid("'top' is not a whole number from 1. Give the number of classes or labels that the answer should have.");

    private static async Task<byte[]> ReadBodyAsync(HttpContext context, int limit)
    {
        // The server's own limit closes the connection, often before the client has read why: it is only ever raised.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false, MaxRequestBodySize: { } most } feature && most < limit)
            feature.MaxRequestBodySize = limit;
        RequestException TooLarge() => RequestException.TooLarge($"The request is too large. Send at most {limit} bytes.");
        if (context.Request.ContentLength > limit)
            throw TooLarge();
        using var content = new MemoryStream();
        var buffer = new byte[16 * 1024];
        while (await context.Request.Body.ReadAsync(buffer, context.RequestAborted).ConfigureAwait(false) is > 0 and var read)
        {
            if (content.Length + read > limit)
                throw TooLarge();
            content.Write(buffer, 0, read);
        }

        return content.ToArray();
    }

    private static async Task<(EncodedSamples Samples, bool IsList)> EncodeAsync(
        PredictorService service, TaskDescription? task, string? contentType, byte[] body, CancellationToken cancellationToken)
    {
        var description = service.Predictor.Description;
        var names = task is null ? null : task.From ?? [task.Name];
        var inputs = names is null ? description.Inputs : [.. description.Inputs.Where(input => names.Contains(input.Name))];
        var reader = new SampleReader(inputs, task is not null && inputs.Count == 1 ? inputs[0] : null, service.Options);
        await service.Decoding.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var (samples, isList) = await reader.ReadAsync(contentType, body).ConfigureAwait(false);
            return (EncodedSamples.Of(description, samples), isList);
        }
        finally
        {
            service.Decoding.Release();
        }
    }

    private static Task WriteAsync(
        HttpContext context, IReadOnlyDictionary<string, IReadOnlyList<Prediction>> answers, string? task, bool isList, int count, int? top)
    {
        if (task is not null)
        {
            PredictionAnswer[] ofTask = [.. answers[task].Select(prediction => PredictionAnswer.Of(prediction, top))];
            return isList ? Write<IReadOnlyList<PredictionAnswer>>(ofTask, AnswerJson.Default.IReadOnlyListPredictionAnswer) : Write(ofTask[0], AnswerJson.Default.PredictionAnswer);
        }

        IReadOnlyDictionary<string, PredictionAnswer>[] all =
            [.. Enumerable.Range(0, count).Select(i => answers.ToDictionary(pair => pair.Key, pair => PredictionAnswer.Of(pair.Value[i], top)))];
        return isList
            ? Write<IReadOnlyList<IReadOnlyDictionary<string, PredictionAnswer>>>(all, AnswerJson.Default.IReadOnlyListIReadOnlyDictionaryStringPredictionAnswer)
            : Write(all[0], AnswerJson.Default.IReadOnlyDictionaryStringPredictionAnswer);

        Task Write<T>(T value, JsonTypeInfo<T> type) => context.Response.WriteAsJsonAsync(value, type, cancellationToken: context.RequestAborted);
    }

    [LoggerMessage(1, LogLevel.Error, "The model failed to answer {Path}.")]
    private static partial void LogFailure(ILogger logger, Exception error, PathString path);
}
