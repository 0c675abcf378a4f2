using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using MultiInputNet.Hosting;

namespace MultiInputApp;

internal static class Serve
{
    public static void Run(string model, string urls)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls(urls);
        builder.Services.AddMultiInputPredictor(model); // loaded once; concurrent requests go through it together
        using var app = builder.Build();
        app.MapMultiInputPredictor(); // POST /predict/{task}, GET /model, GET /health
        app.Run(); // until Ctrl+C; requests in flight are answered first
    }
}
