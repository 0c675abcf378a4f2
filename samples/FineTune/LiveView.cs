using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Encodings.Web;
using MultiInputNet;
using MultiInputNet.Insights;

/// <summary>A page with the curves of a running training, for browsers on this machine only. It ends with the training.</summary>
internal sealed class LiveView : IDisposable
{
    private const int MostAttempts = 20;

    private readonly TrainingRecord record;
    private readonly HttpListener listener;
    private readonly Task serving;

    /// <param name="record">What the training reports.</param>
    /// <param name="port">The port; 0 for any that is free.</param>
    /// <exception cref="MultiInputException">The port cannot be used.</exception>
    public LiveView(TrainingRecord record, int port)
    {
        this.record = record;
        (listener, Address) = Listen(port);
        serving = Task.Run(Serve);
    }

    /// <summary>Where the page is.</summary>
    public string Address { get; }

    public void Dispose()
    {
        listener.Stop();
        serving.Wait(TimeSpan.FromSeconds(5));
        listener.Close();
    }

    // Only requests to this address of this machine arrive: the listener refuses those that name another host.
    private static (HttpListener Listener, string Address) Listen(int port)
    {
        for (var attempt = 1; ; attempt++)
        {
            var address = $"http://127.0.0.1:{(port == 0 ? FindFree() : port)}/";
            var listener = new HttpListener();
            listener.Prefixes.Add(address);
            try
            {
                listener.Start();
                return (listener, address);
            }
            catch (Exception e) when (e is HttpListenerException or SocketException)
            {
                listener.Close();
                if (port != 0 || attempt == MostAttempts)
                    throw new MultiInputException("--watch", ModelComponent.Training, $"the page cannot be served at {address}: {e.Message}", "Give another port, or 0 for any that is free.", e);
            }
        }
    }

    private static int FindFree()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private async Task Serve()
    {
        while (listener.IsListening)
        {
            try
            {
                Answer(await listener.GetContextAsync().ConfigureAwait(false));
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException or IOException)
            {
                // The browser went away, or the training has ended.
            }
        }
    }

    private void Answer(HttpListenerContext context)
    {
        var (status, kind, text) = (context.Request.HttpMethod, context.Request.Url?.AbsolutePath) switch
        {
            ("GET", "/") => (200, "text/html", Page()),
            ("GET", "/curves") => (200, "text/html", Curves(context.Request.QueryString["columns"] == "1" ? 1 : 2)),
            ("GET", _) => (404, "text/plain", "There is nothing here; the page is at /."),
            _ => (405, "text/plain", "This page can only be read."),
        };
        var content = Encoding.UTF8.GetBytes(text);
        var response = context.Response;
        response.StatusCode = status;
        response.ContentType = $"{kind}; charset=utf-8";
        response.Headers["Cache-Control"] = "no-store";
        response.Headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:";
        response.ContentLength64 = content.Length;
        response.OutputStream.Write(content);
        response.Close();
    }

    private string Page() => $$$"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>Training</title>
        <link rel="icon" href="data:,">
        <style>
        body{margin:0 auto;max-width:960px;padding:20px;font:16px/1.5 system-ui,sans-serif;background:#fff;color:#1c1f23;overflow-wrap:anywhere}
        svg{width:100%;height:auto}
        @media (prefers-color-scheme:dark){body{background:#16181c;color:#e8eaed}}
        </style>
        </head>
        <body>
        <h1>Training</h1>
        <div id="curves">{{{Curves(columns: 2)}}}</div>
        <p id="state" role="status"></p>
        <script>
        const show = async () => {
            try {
                document.getElementById("curves").innerHTML = await (await fetch(`/curves?columns=${innerWidth < 700 ? 1 : 2}`)).text();
                setTimeout(show, 2000);
            } catch {
                document.getElementById("state").textContent = "The training has ended, or the program was stopped.";
            }
        };
        show();
        </script>
        </body>
        </html>
        """;

    private string Curves(int columns)
    {
        if (record.Latest is not { } latest)
            return "<p>The training has not begun yet.</p>";
        var warnings = string.Concat(record.Warnings.Select(warning => $"<li>{HtmlEncoder.Default.Encode(warning)}</li>"));
        return FormattableString.Invariant($"<p>Step {latest.Step:N0} of {latest.Steps:N0}, epoch {latest.Epoch} of {latest.Epochs}, phase {latest.Phase} of {latest.Phases}; about {latest.Remaining:h\\:mm\\:ss} left.</p>")
            + Insight.TrainingCurves(record, columns) + (warnings.Length > 0 ? $"<ul>{warnings}</ul>" : "");
    }
}
