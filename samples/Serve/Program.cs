using System.CommandLine;
using MultiInputNet;
using MultiInputNet.Hosting;

// Serves a model: a page to try it at /, and the endpoints of MultiInputNet.Hosting.
FreedMemory.Keep();
var model = new Choice<string>("--model", "The file with the model, or one exported to ONNX.", text => text, "quickstart.safetensors");
var urls = new Choice<string>("--urls", "The addresses to listen on, separated by semicolons.", text => text, "http://127.0.0.1:5000");
var engine = Engine.Option();
var command = new RootCommand("Serves a model: drop an image or type a row at the address that is printed, or POST to /predict.") { model, engine, urls };
command.SetAction(arguments =>
{
    var path = model.Of(arguments);
    if (!File.Exists(path))
    {
        Console.Error.WriteLine($"There is no model at '{path}'. Name one with --model, or train one: dotnet run -c Release --project samples/QuickStart");
        return 1;
    }

    var builder = WebApplication.CreateSlimBuilder();
    builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning); // not a line for each request
    builder.WebHost.UseUrls(urls.Of(arguments));
    builder.Services.AddMultiInputPredictor(_ => Engine.Load(path, engine.Of(arguments)));
    using var app = builder.Build();
    app.MapMultiInputPredictor();
    using var page = new MemoryStream();
    using (var embedded = typeof(Program).Assembly.GetManifestResourceStream("page.html")!)
        embedded.CopyTo(page);
    var html = page.ToArray();
    app.MapGet("/", (RequestDelegate)(context =>
    {
        context.Response.ContentType = "text/html; charset=utf-8";
        context.Response.Headers.ContentSecurityPolicy =
            "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src blob: data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";
        return context.Response.Body.WriteAsync(html, context.RequestAborted).AsTask();
    }));
    app.Run();
    return 0;
});
return CommandLine.Run(command, args);
