using System.Net.Http.Headers;
using System.Text.Json;
using static TorchSharp.torch;

namespace MultiInputNet.Hosting.Tests;

public sealed class LoadTests
{
    private const int Clients = 24;
    private const int RequestsEach = 60;

    [Fact]
    public async Task Under_load_every_answer_is_the_model_s_and_every_bad_request_is_refused()
    {
        using var model = TestModel.Build();
        await using var served = await ServedModel.StartAsync(TestModel.Build(), options => options.Batching = new() { LargestBatch = 16 });
        var rows = rand(64, 3, dtype: ScalarType.Float64);
        var values = TestModel.Expected(model, "plain", ("plain", rows));
        var signals = rand(64, 2, 12);
        var probabilities = TestModel.Expected(model, "signal", ("signal", signals));
        double[][] plain = [.. Enumerable.Range(0, 64).Select(i => rows[i].data<double>().ToArray())];
        float[][][] signal = [.. Enumerable.Range(0, 64).Select(i => Enumerable.Range(0, 2).Select(j => signals[i, j].data<float>().ToArray()).ToArray())];
        byte[][] pngs = [.. Enumerable.Range(0, 8).Select(i => TestModel.Png(i))];
        double[][] ofPhotos = [.. pngs.Select(png => TestModel.Expected(model, "species", ("photo", TestModel.Photo(png))))];

        var statuses = new int[Clients * RequestsEach];
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(client => Task.Run(async () =>
        {
            for (var i = 0; i < RequestsEach; i++)
            {
                var number = (client * RequestsEach) + i;
                var k = number * 7 % 64;
                switch (number % 6)
                {
                    case 0:
                        Check((await served.PostAsync("/predict/plain", plain[k])).GetProperty("values").EnumerateArray(), values[(2 * k)..((2 * k) + 2)]);
                        break;
                    case 1:
                        Check(Classes(await served.PostAsync("/predict/signal", signal[k])), probabilities[(2 * k)..((2 * k) + 2)]);
                        break;
                    case 2:
                        using (var photo = Image(pngs[number % 8]))
                            Check(Classes(await served.PostAsync("/predict/species", photo)), ofPhotos[number % 8]);
                        break;
                    case 3:
                        var several = await served.PostAsync("/predict/plain", plain[..5]);
                        Check(several.EnumerateArray().SelectMany(each => each.GetProperty("values").EnumerateArray()), values[..10]);
                        break;
                    case 4:
                        using (var broken = Image(pngs[number % 8][..40]))
                            await served.PostAsync("/predict/species", broken, 400);
                        break;
                    default:
                        await served.PostAsync("/predict/words", new[] { 1, 2, 3, 4, 5, 20 + k }, 400);
                        break;
                }

                Interlocked.Increment(ref statuses[number]);
            }
        })));

        statuses.Should().OnlyContain(count => count == 1);
    }

    private static IEnumerable<JsonElement> Classes(JsonElement answer) => answer.GetProperty("classes").EnumerateArray().Select(named => named.GetProperty("probability"));

    private static void Check(IEnumerable<JsonElement> found, double[] expected) =>
        found.Select(number => number.GetDouble()).Should().Equal(expected, (a, b) => Math.Abs(a - b) < 1e-5);

    private static ByteArrayContent Image(byte[] file) => new(file) { Headers = { ContentType = new MediaTypeHeaderValue("image/png") } };
}
