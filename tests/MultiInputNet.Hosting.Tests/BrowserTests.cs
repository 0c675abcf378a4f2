using System.Globalization;
using OpenQA.Selenium;
using OpenQA.Selenium.Chrome;
using OpenQA.Selenium.Support.UI;
using static TorchSharp.torch;

namespace MultiInputNet.Hosting.Tests;

/// <summary>The page of samples/Serve in Chromium, driven by ChromeDriver: Debian's chromium and chromium-driver.</summary>
public sealed class BrowserTests : IClassFixture<BrowserTests.Page>
{
    private readonly Page page;
    private readonly ChromeDriver browser;

    public BrowserTests(Page page)
    {
        ArgumentNullException.ThrowIfNull(page);
        this.page = page;
        browser = page.Browser;
        browser.Navigate().GoToUrl(page.Address);
        Find("form[data-ready]");
    }

    [Fact]
    public void An_image_is_dropped_and_its_answer_read()
    {
        var png = TestModel.Png();
        browser.ExecuteScript(
            """
            const bytes = Uint8Array.from(atob(arguments[0]), c => c.charCodeAt(0)), transfer = new DataTransfer();
            transfer.items.add(new File([bytes], "animal.png", { type: "image/png" }));
            document.querySelector("input[name=photo]").closest("label").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
            """,
            Convert.ToBase64String(png));

        var expected = TestModel.Expected(page.Model, "species", ("photo", TestModel.Photo(png)));
        ShouldShow("species", TestModel.Species, expected);
        Find("article[data-task=tags] table");
    }

    [Fact]
    public void An_image_is_chosen_a_row_is_typed_and_their_answers_read()
    {
        var file = Path.Combine(page.Folder.FullName, "animal.png");
        File.WriteAllBytes(file, TestModel.Png(1));
        browser.FindElement(By.CssSelector("input[name=age]")).SendKeys("31");
        new SelectElement(browser.FindElement(By.CssSelector("select[name=colour]"))).SelectByText("green");
        browser.FindElement(By.CssSelector("input[name=photo]")).SendKeys(file);

        var row = tensor(new[] { 31.0, 2 }).view(1, 2);
        ShouldShow("record", ["0", "1", "2"], TestModel.Expected(page.Model, "record", ("record", row)));
        var price = TestModel.Expected(page.Model, "price", ("photo", TestModel.Photo(TestModel.Png(1))), ("record", row)).Single();
        double.Parse(Find("article[data-task=price] .headline").Text, NumberStyles.Float, CultureInfo.InvariantCulture).Should().BeApproximately(price, 1e-4);
    }

    [Fact]
    public void Numbers_are_typed_and_a_mistake_is_explained()
    {
        var field = browser.FindElement(By.CssSelector("textarea[name=plain]"));
        field.SendKeys("1, 2");
        Predict();
        Find("#answers [role=alert]").Text.Should().Be("plain: there are 2 numbers; 3 are needed.");

        field.SendKeys(" -3.5");
        Predict();
        Find("article[data-task=plain] .headline").Text.Should().NotBeEmpty();
        field.Clear();

        browser.FindElement(By.CssSelector("input[name=age]")).SendKeys("old");
        Predict();
        Find("#answers [role=alert]").Text.Should().Contain("'old', which is not a number");
    }

    private void Predict() => browser.FindElement(By.CssSelector("button.primary")).Click();

    /// <summary>The element, once it is there.</summary>
    private IWebElement Find(string selector) => new WebDriverWait(browser, TimeSpan.FromSeconds(60)).Until(driver => driver.FindElements(By.CssSelector(selector)).FirstOrDefault())!;

    private void ShouldShow(string task, string[] names, double[] probabilities)
    {
        var card = Find($"article[data-task={task}]");
        var best = Array.IndexOf(probabilities, probabilities.Max());
        card.FindElement(By.ClassName("headline")).Text.Should().Be(names[best]);
        card.FindElements(By.CssSelector("tr")).Select(line => line.Text.ReplaceLineEndings(" ")).Should().Equal(
            names.Zip(probabilities).OrderByDescending(pair => pair.Second)
                .Select(pair => string.Create(CultureInfo.InvariantCulture, $"{pair.First} {100 * pair.Second:0.0} %")));
    }

    /// <summary>The program, serving the test's model, and a browser.</summary>
    public sealed class Page : IDisposable
    {
        private const string Chromium = "/usr/bin/chromium";
        private const string Driver = "/usr/bin/chromedriver";

        private readonly SampleServer server;

        public Page()
        {
            (File.Exists(Chromium) && File.Exists(Driver)).Should().BeTrue("the page is tested in a browser: apt-get install chromium chromium-driver");
            var path = Path.Combine(Folder.FullName, "model.safetensors");
            Model.Save(path);
            server = new("--model", path);
            var options = new ChromeOptions { BinaryLocation = Chromium };
            options.AddArguments("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--window-size=1200,1400");
            Browser = new(ChromeDriverService.CreateDefaultService(Path.GetDirectoryName(Driver), Path.GetFileName(Driver)), options, TimeSpan.FromMinutes(2));
        }

        public DirectoryInfo Folder { get; } = Directory.CreateTempSubdirectory();

        public MultiInputModel Model { get; } = TestModel.Build();

        public Uri Address => server.Address;

        public ChromeDriver Browser { get; }

        public void Dispose()
        {
            Browser.Dispose();
            server.Dispose();
            Model.Dispose();
            Folder.Delete(recursive: true);
        }
    }
}
