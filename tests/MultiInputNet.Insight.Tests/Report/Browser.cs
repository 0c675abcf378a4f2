using OpenQA.Selenium.Chrome;

namespace MultiInputNet.Insights.Tests;

/// <summary>Chromium without a window, driven by ChromeDriver: Debian's chromium and chromium-driver.</summary>
public sealed class Browser : IDisposable
{
    private const string Chromium = "/usr/bin/chromium";
    private const string Driver = "/usr/bin/chromedriver";

    public Browser()
    {
        (File.Exists(Chromium) && File.Exists(Driver)).Should().BeTrue("the report is tested in a browser: apt-get install chromium chromium-driver");
        var options = new ChromeOptions { BinaryLocation = Chromium };
        options.AddArguments("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars");
        options.SetLoggingPreference(OpenQA.Selenium.LogType.Browser, OpenQA.Selenium.LogLevel.All);
        Chrome = new(ChromeDriverService.CreateDefaultService(Path.GetDirectoryName(Driver), Path.GetFileName(Driver)), options, TimeSpan.FromMinutes(5)); // long pages take long on a loaded machine
        Directory.CreateDirectory(Pictures);
    }

    /// <summary>Where screenshots are kept.</summary>
    public static string Pictures { get; } = Path.Combine(AppContext.BaseDirectory, "artifacts", "report");

    public ChromeDriver Chrome { get; }

    /// <summary>Opens a file at a width, light or dark.</summary>
    public void Open(string path, int width, bool isDark)
    {
        Chrome.ExecuteCdpCommand("Emulation.setEmulatedMedia", new() { ["features"] = new[] { new Dictionary<string, object> { ["name"] = "prefers-color-scheme", ["value"] = isDark ? "dark" : "light" } } });
        Chrome.ExecuteCdpCommand("Emulation.setDeviceMetricsOverride", new() { ["width"] = width, ["height"] = 900, ["deviceScaleFactor"] = 1, ["mobile"] = false });
        Chrome.Navigate().GoToUrl(new Uri(Path.GetFullPath(path)).AbsoluteUri);
    }

    public object Run(string script) => Chrome.ExecuteScript(script)!;

    /// <summary>What the page has reported since the last time.</summary>
    public IReadOnlyList<string> Messages() => [.. Chrome.Manage().Logs.GetLog(OpenQA.Selenium.LogType.Browser).Select(entry => entry.Message)];

    /// <summary>The whole page as a picture.</summary>
    public void Picture(string name)
    {
        var shot = (IDictionary<string, object>)Chrome.ExecuteCdpCommand("Page.captureScreenshot", new() { ["captureBeyondViewport"] = true, ["format"] = "png" })!;
        File.WriteAllBytes(Path.Combine(Pictures, $"{name}.png"), Convert.FromBase64String((string)shot["data"]));
    }

    public void Dispose() => Chrome.Dispose();
}
