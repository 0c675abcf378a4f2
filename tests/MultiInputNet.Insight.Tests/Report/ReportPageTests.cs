using MultiInputNet.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests;

/// <summary>The report as a reader sees it, in Chromium.</summary>
public sealed class ReportPageTests(Browser browser, ReportPageTests.Reports reports) : IClassFixture<Browser>, IClassFixture<ReportPageTests.Reports>
{
    [Theory]
    [InlineData("usual", 1280, false)]
    [InlineData("usual", 1280, true)]
    [InlineData("usual", 400, false)]
    [InlineData("usual", 400, true)]
    [InlineData("hostile", 1280, false)]
    [InlineData("hostile", 400, true)]
    [InlineData("bare", 400, false)]
    [InlineData("advised", 1280, false)]
    [InlineData("advised", 400, true)]
    [InlineData("many", 1280, true)]
    [InlineData("many", 400, false)]
    public void Nothing_overflows_is_reported_or_hard_to_read(string report, int width, bool isDark)
    {
        browser.Open(reports.PathOf(report), width, isDark);
        browser.Picture($"{report}-{width}-{(isDark ? "dark" : "light")}");

        browser.Messages().Should().BeEmpty();
        browser.Run("return document.documentElement.scrollWidth").Should().Be((long)width);
        ((IEnumerable<object>)browser.Run(Overflowing)).Should().BeEmpty();
        ((IEnumerable<object>)browser.Run(Unreadable)).Should().BeEmpty();
        ((long)browser.Run("return document.querySelectorAll('main *').length")).Should().BeGreaterThan(50);
    }

    [Fact]
    public void The_measure_of_contrast_finds_what_is_hard_to_read()
    {
        browser.Open(reports.PathOf("bare"), 800, isDark: false);
        browser.Run("document.querySelector('h2').style.color = '#9a9a9a'; document.querySelector('.flow .name').style.fill = '#b0b8c0'");

        ((IEnumerable<object>)browser.Run(Unreadable)).Should().HaveCount(2);
    }

    [Fact]
    public void Every_section_is_there_and_linked()
    {
        browser.Open(reports.PathOf("usual"), 1280, isDark: false);

        var sections = ((IEnumerable<object>)browser.Run("return [...document.querySelectorAll('main > section')].map(s => s.id)")).Cast<string>().ToArray();
        sections.Should().Equal("model", "training", "results", "looks", "shared", "advice");
        ((IEnumerable<object>)browser.Run("return [...document.querySelectorAll('nav a')].map(a => a.getAttribute('href'))")).Should().Equal(sections.Select(id => $"#{id}"));
        foreach (var task in new[] { "kind", "tags", "phase", "topic", "price", "joint" })
            ((IEnumerable<object>)browser.Run("return [...document.querySelectorAll('#results h3')].map(h => h.textContent)")).Should().Contain(task);
        ((long)browser.Run("return document.querySelectorAll('#results .samples li').length")).Should().BeGreaterThan(6);
        foreach (var (layer, input) in new[] { ("the base's last layer", "photo"), ("the fusion", "photo"), ("the fusion", "signal"), ("the fusion", "bands") })
            browser.Run($"return document.querySelectorAll(`#looks img[alt=\"attention of {layer} to {input}\"]`).length").Should().Be(4L);
        ((long)browser.Run("return [...document.images].filter(i => i.complete && i.naturalWidth > 0).length")).Should().Be((long)browser.Run("return document.images.length")).And.BeGreaterThan(0);
    }

    [Fact]
    public void Advice_is_shown_with_what_was_measured()
    {
        browser.Open(reports.PathOf("advised"), 1280, isDark: false);

        var advice = ((IEnumerable<object>)browser.Run("return [...document.querySelectorAll('#advice li')].map(li => li.textContent)")).Cast<string>().ToArray();
        foreach (var part in new[]
        {
            "Tasks 'good' and 'bad': their gradients on the base oppose each other",
            "Input 'silent': its gradient on the base has a norm of 0",
            "Task 'customer': since epoch 1 its training loss fell from 0.6 to 0.1 while its validation loss rose from 0.5 to 0.9",
            "Input 'scan': its samples have means of 0.01 and deviations of 1.01 before",
            "Input 'photo': its pixels are whole numbers from 0 to 254",
            "Input 'customer', column 'number': 100%",
            "Task 'year': its 20 classes are numbers in order",
        })
            advice.Should().Contain(its => its.Contains(part, StringComparison.Ordinal), part);
    }

    [Fact]
    public void Many_classes_stay_readable()
    {
        browser.Open(reports.PathOf("many"), 1280, isDark: false);

        browser.Run("return document.scripts.length").Should().Be(0L);
        browser.Run("return document.querySelectorAll('#results table.confusion').length").Should().Be(1L, "that of the task with one class; 120 classes are a list of pairs");
        ((long)browser.Run("return Math.max(...[...document.querySelectorAll('#results table')].map(t => t.rows.length))")).Should().BeLessThanOrEqualTo(31);
        ((string)browser.Run("return document.querySelector('#results').textContent")).Should().Contain("Most often confused").And.Contain("The 30 with the lowest F1 of 120")
            .And.Contain("None of its samples has a label");
    }

    [Fact]
    public void Names_of_the_data_are_text()
    {
        browser.Open(reports.PathOf("hostile"), 1280, isDark: false);

        browser.Run("return document.scripts.length + document.querySelectorAll('[onerror],b > i,iframe').length").Should().Be(0L);
        browser.Run("return window.hacked ?? null").Should().BeNull();
        var shown = (string)browser.Run("return document.body.textContent");
        foreach (var name in new[] { Reports.Hostile("photo"), ReportedModel.KeyOf("kind", Reports.Hostile) })
            shown.Should().Contain(name);
        ((IEnumerable<object>)browser.Run("return [...document.querySelectorAll('bdi[title]')].map(e => e.title)")).Should().Contain(Reports.Hostile("round")).And.Contain(Reports.Hostile("bright")).And.Contain(Reports.Hostile("age"));
        browser.Run("return document.title").Should().Be(Reports.Hostile("photo"));
    }

    [Fact]
    public void The_file_needs_nothing_else_and_is_small()
    {
        foreach (var report in new[] { "usual", "hostile", "bare", "advised", "many" })
        {
            var html = File.ReadAllText(reports.PathOf(report));
            browser.Open(reports.PathOf(report), 1280, isDark: false);
            ((IEnumerable<object>)browser.Run("return [...document.querySelectorAll('*')].flatMap(e => [...e.attributes]).filter(a => /^(src|href|xlink:href|action|data|poster|srcset)$/.test(a.name)).map(a => a.value)")).Cast<string>()
                .Should().NotBeEmpty().And.OnlyContain(address => address.StartsWith('#') || address.StartsWith("data:", StringComparison.Ordinal));
            ((IEnumerable<object>)browser.Run("return performance.getEntriesByType('resource').map(r => r.name).filter(n => !n.startsWith('data:'))")).Should().BeEmpty();
            html.Should().NotContain("<script").And.NotContain("@import").And.NotMatchRegex(@"url\((?!#)");
            new FileInfo(reports.PathOf(report)).Length.Should().BeLessThan(5_000_000);
        }
    }

    [Fact]
    public void It_can_be_printed()
    {
        browser.Open(reports.PathOf("usual"), 1280, isDark: false);
        var printed = (IDictionary<string, object>)browser.Chrome.ExecuteCdpCommand("Page.printToPDF", new() { ["paperWidth"] = 8.27, ["paperHeight"] = 11.69 })!;
        File.WriteAllBytes(Path.Combine(Browser.Pictures, "usual.pdf"), Convert.FromBase64String((string)printed["data"]));

        browser.Chrome.ExecuteCdpCommand("Emulation.setEmulatedMedia", new() { ["media"] = "print" });
        browser.Run("return getComputedStyle(document.querySelector('nav')).display").Should().Be("none");
        browser.Run("return [...document.querySelectorAll('.flow')].every(f => f.getBoundingClientRect().right <= innerWidth)").Should().Be(true);
        browser.Chrome.ExecuteCdpCommand("Emulation.setEmulatedMedia", new() { ["media"] = "" });
    }

    /// <summary>Elements that reach beyond the page, unless they can be moved sideways on their own.</summary>
    private const string Overflowing = """
        return [...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll') || e.classList.contains('scroll')).filter(e => {
            const box = e.getBoundingClientRect();
            return box.width > 0 && (box.right > innerWidth + 1 || box.left < -1);
        }).map(e => e.outerHTML.slice(0, 150));
        """;

    /// <summary>Texts whose contrast with what lies beneath them is below 4.5 (WCAG 2.2, relative luminance).</summary>
    private const string Unreadable = """
        const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
        const over = (color, below) => {
            canvas.globalCompositeOperation = 'copy';
            canvas.fillStyle = below; canvas.fillRect(0, 0, 1, 1);
            canvas.globalCompositeOperation = 'source-over';
            canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
            const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
            return `rgb(${r},${g},${b})`;
        };
        const luminance = color => {
            const [r, g, b] = color.match(/\d+/g).map(n => n / 255).map(n => n <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const contrast = (a, b) => { const [l, h] = [luminance(a), luminance(b)].sort((x, y) => x - y); return (h + 0.05) / (l + 0.05); };
        const ground = e => {
            const chain = [];
            for (let at = e; at; at = at.parentElement) chain.unshift(getComputedStyle(at).backgroundColor);
            return chain.reduce((below, color) => over(color, below), 'rgb(255,255,255)');
        };
        const beneath = text => {
            text.scrollIntoView({ block: 'center', inline: 'center' });
            const box = text.getBoundingClientRect();
            const shapes = document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2).filter(e => e instanceof SVGGeometryElement && e.closest('svg') === text.closest('svg'));
            const shape = shapes.map(e => getComputedStyle(e).fill).find(fill => fill !== 'none');
            return over(shape ?? 'transparent', ground(text.closest('svg').parentElement));
        };
        const found = [];
        for (const e of document.querySelectorAll('body *')) {
            if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || e.closest('title') || e.getBoundingClientRect().width === 0) continue;
            const isDrawn = e instanceof SVGElement, below = isDrawn ? beneath(e) : ground(e);
            const color = over(isDrawn ? getComputedStyle(e).fill : getComputedStyle(e).color, below), its = contrast(color, below);
            if (!(its >= 4.5)) found.push(`${its.toFixed(2)} ${color} on ${below}: ${e.outerHTML.slice(0, 120)}`);
        }
        scrollTo(0, 0);
        return found;
        """;

    /// <summary>Reports to look at.</summary>
    public sealed class Reports : IDisposable
    {
        private readonly Dictionary<string, string> paths = [];

        /// <summary>A name that would do something if it were not escaped, of 200 characters, some from right to left.</summary>
        public static string Hostile(string name) => $"{name} <script>window.hacked=1</script><img src=x onerror='window.hacked=2'>\"' --> ]]> &amp; \u202Eمرحبا שלום {{0}} {new string('x', 200)}"[..200];

        public string PathOf(string report)
        {
            if (!paths.TryGetValue(report, out var path))
            {
                path = Path.Combine(Directory.CreateDirectory(Browser.Pictures).FullName, $"{report}.html");
                using var scope = NewDisposeScope();
                Write(report, path);
                paths.Add(report, path);
            }

            return path;
        }

        public void Dispose() => paths.Clear();

        private static void Write(string report, string path)
        {
            if (report is "advised" or "many")
            {
                (report == "many" ? (Action<string>)EdgeReports.WriteMany : EdgeReports.WriteAdvised)(path);
                return;
            }

            if (report == "bare")
            {
                using var bare = ReportedModel.Build();
                Insight.Report(bare, new TensorSource("photos", new Dictionary<string, Tensor> { ["photo"] = rand(3, 3, 16, 16) }, new Dictionary<string, Tensor>()), path);
                return;
            }

            Func<string, string> name = report == "hostile" ? Hostile : its => its;
            using var model = ReportedModel.Build(name);
            var (history, record) = ReportedModel.Train(model, ReportedModel.Samples(name: name), ReportedModel.Samples(name: name, seed: 1));
            model.Freeze(Parts.Projections(ReportedModel.KeyOf("bands", name)));
            Insight.Report(model, ReportedModel.Samples(64, name, seed: 2), path, new() { Title = report == "hostile" ? Hostile("photo") : "Shapes, signals and prices", History = history, Record = record });
        }
    }
}
