using System.Diagnostics;
using System.Net.Http.Headers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using MultiInputNet;
using MultiInputNet.Hosting;
using SkiaSharp;
using Spectre.Console;
using static TorchSharp.torch;

/// <summary>The small base served: concurrent callers in the process, and clients over HTTP on this machine, with and without batching.</summary>
internal static class ServingTable
{
    private const int Size = 32;

    public static Table Measure(int pairs)
    {
        var file = Path.GetTempFileName();
        using (var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(3, Size, Size))
            .Base(Bases.ConvNet(3, 64, 128))
            .Task("photo", Heads.Classification(10))
            .Build(CPU, seed: 0))
        {
            model.Save(file);
        }

        var table = new Table().Border(TableBorder.Markdown);
        table.AddColumns("clients", "requests per second", "median, ms", "99 %, ms", "against LargestBatch 1");
        using var predictor = Predictor.Load(file, new() { Device = CPU });
        using var sample = rand(1, 3, Size, Size);
        using (var batchingHere = new BatchingPredictor(Predictor.Load(file, new() { Device = CPU })))
        using (var callers = new ConcurrentCallers(8, new Dictionary<string, Tensor> { ["photo"] = sample }))
        {
            var ratios = callers.Compare("small base", predictor, batchingHere).Run(pairs);
            table.AddRow("8 threads in the process", $"{8000 / ratios.Milliseconds:0}", "", "", $"{ratios.Median:0.00} ({ratios.LowerQuartile:0.00} to {ratios.UpperQuartile:0.00})");
        }

        using var one = new Server(file, new() { LargestBatch = 1 });
        using var batching = new Server(file, new());
        foreach (var clients in new[] { 1, 8, 32 })
        {
            List<double> without = [], with = [], latencies = [];
            for (var pair = -1; pair < pairs; pair++)
            {
                var (baseline, _) = one.Load(clients);
                var (rate, times) = batching.Load(clients);
                if (pair < 0)
                    continue; // warming up
                without.Add(baseline);
                with.Add(rate);
                latencies.AddRange(times);
            }

            double At(List<double> values, double share) => values.Order().ElementAt((int)(share * (values.Count - 1)));
            var ratios = with.Zip(without, (a, b) => a / b).ToList();
            table.AddRow(
                $"{clients} over HTTP, a PNG each",
                $"{At(with, 0.5):0}",
                $"{At(latencies, 0.5):0.0}",
                $"{At(latencies, 0.99):0.0}",
                $"{At(ratios, 0.5):0.00} ({At(ratios, 0.25):0.00} to {At(ratios, 0.75):0.00})");
        }

        File.Delete(file);
        return table;
    }

    /// <summary>The model behind Kestrel, and clients in the same process.</summary>
    private sealed class Server : IDisposable
    {
        private const int RequestsPerLoad = 400;

        private readonly WebApplication app;
        private readonly HttpClient client;
        private readonly byte[] png;

        public Server(string file, BatchingOptions batching)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            builder.Logging.ClearProviders();
            builder.Services.AddMultiInputPredictor(file, options => (options.Batching, options.Predictor) = (batching, new() { Device = CPU }));
            app = builder.Build();
            app.MapMultiInputPredictor();
            app.StartAsync().GetAwaiter().GetResult();
            client = new() { BaseAddress = new(app.Urls.Single()) };
            using var bitmap = new SKBitmap(Size, Size);
            bitmap.Erase(SKColors.OliveDrab);
            png = bitmap.Encode(SKEncodedImageFormat.Png, 100).ToArray();
        }

        /// <summary>Requests per second, and the milliseconds of each.</summary>
        public (double Rate, double[] Milliseconds) Load(int clients)
        {
            var (times, next, start) = (new double[RequestsPerLoad], -1, Stopwatch.GetTimestamp());
            Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(async () =>
            {
                while (Interlocked.Increment(ref next) is var i && i < RequestsPerLoad)
                {
                    var sent = Stopwatch.GetTimestamp();
                    using var content = new ByteArrayContent(png) { Headers = { ContentType = new MediaTypeHeaderValue("image/png") } };
                    using var answer = await client.PostAsync(new Uri("/predict/photo", UriKind.Relative), content).ConfigureAwait(false);
                    await answer.EnsureSuccessStatusCode().Content.ReadAsByteArrayAsync().ConfigureAwait(false);
                    times[i] = Stopwatch.GetElapsedTime(sent).TotalMilliseconds;
                }
            }))).GetAwaiter().GetResult();
            return (RequestsPerLoad / Stopwatch.GetElapsedTime(start).TotalSeconds, times);
        }

        public void Dispose()
        {
            client.Dispose();
            app.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }
}
