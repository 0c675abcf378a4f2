namespace MultiInputNet.Insights;

/// <summary>What a report looks like.</summary>
internal static class ReportStyle
{
    /// <summary>The style sheet. Text has a contrast of at least 4.5 on every ground, light and dark (WCAG 2.2, AA).</summary>
    public const string Text = """
        :root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1c1f23;--soft:#555c66;--line:#d8dce2;--grid:#e4e7ec;--accent:#0b5fa5;--tint:#e8f1fa;--right:#a9d3f5;--wrong:#f7b9a5;--cold:#0b5fa5}
        @media (prefers-color-scheme:dark){:root{--bg:#111316;--card:#1a1d21;--ink:#e8eaed;--soft:#a9b0ba;--line:#3a3f47;--grid:#2c3138;--accent:#7cbcf5;--tint:#1d2f42;--right:#1f5585;--wrong:#7d3522;--cold:#8cc8ff}}
        *{box-sizing:border-box}
        html{-webkit-text-size-adjust:100%}
        body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;overflow-wrap:anywhere}
        header,main{max-width:1120px;margin:0 auto;padding:0 20px}
        header{padding-top:32px}
        h1{font-size:1.9rem;line-height:1.2;margin:0 0 4px}
        h2{font-size:1.4rem;margin:0}
        h3{font-size:1.08rem;margin:28px 0 8px}
        h4{font-size:1rem;margin:20px 0 0}
        header>p,.lead,.note,.soft,figcaption{color:var(--soft)}
        header>p{margin:0}
        .lead{margin:2px 0 16px}
        .note{font-size:.88rem;margin:6px 0 14px}
        section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:22px 24px;margin:20px 0}
        nav{display:flex;flex-wrap:wrap;gap:4px 18px;margin:18px 0 0}
        a{color:var(--accent)}
        .tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:12px;list-style:none;padding:0;margin:18px 0 0}
        .tiles li{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:12px 16px;display:flex;flex-direction:column}
        .tiles b{font-size:1.6rem;line-height:1.25;font-variant-numeric:tabular-nums}
        .tiles .soft{font-size:.85rem}
        .scroll{overflow-x:auto;max-width:100%;position:relative}
        .scroll:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
        table{border-collapse:collapse;font-size:.9rem;min-width:min(100%,320px)}
        caption{text-align:left;color:var(--soft);font-size:.88rem;padding:0 0 6px}
        th,td{padding:5px 12px 5px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line);overflow-wrap:normal}
        td bdi,th bdi{display:inline-block;max-width:min(16em,40vw);overflow-wrap:break-word;vertical-align:top}
        thead th{color:var(--soft);font-weight:600;white-space:nowrap}
        tbody th{font-weight:500;min-width:84px}
        .number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
        .bars{width:120px;min-width:72px;vertical-align:middle}
        .bar{display:block;height:8px;border-radius:4px;background:var(--grid);overflow:hidden}
        .bar span{display:block;height:100%;background:var(--c0)}
        .bar.warm span{background:var(--c1)}
        .confusion{margin:0 0 4px;min-width:0}
        .confusion th,.confusion td{padding:4px 6px;border:0}
        .confusion td{min-width:30px;text-align:center;font-variant-numeric:tabular-nums;font-size:.82rem;border:1px solid var(--card);background:color-mix(in srgb,var(--wrong) var(--share),var(--bg))}
        .confusion td.right{background:color-mix(in srgb,var(--right) var(--share),var(--bg))}
        .confusion .none{color:var(--soft)}
        .confusion thead th{vertical-align:bottom;padding:0 0 6px}
        .confusion thead th span{writing-mode:vertical-rl;transform:rotate(180deg);white-space:nowrap;font-size:.8rem;display:inline-block;max-height:150px}
        .confusion tbody th{white-space:nowrap;font-size:.82rem;text-align:right;color:var(--soft)}
        .metrics{display:flex;flex-wrap:wrap;gap:10px 28px;margin:8px 0 18px}
        .metrics dt{color:var(--soft);font-size:.85rem}
        .metrics dd{margin:0;font-size:1.1rem;font-variant-numeric:tabular-nums}
        .task{border-top:1px solid var(--line);margin-top:22px}
        .task:first-of-type{border-top:0;margin-top:0}
        .task:first-of-type>h3{margin-top:0}
        figure{margin:0 0 14px;min-width:0}
        figcaption{font-size:.88rem;margin-top:4px}
        figure.small{max-width:340px}
        .panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:14px 40px;align-items:start}
        .panels>*{min-width:0;max-width:100%}
        .panels>.wide{grid-column:1/-1}
        .charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,420px),1fr));gap:18px}
        .side{display:flex;flex-wrap:wrap;gap:18px 48px}
        .chart{display:block;width:100%;height:auto}
        .flow{display:block;width:100%;min-width:820px;max-width:1040px;height:auto;font:13px system-ui,sans-serif}
        .flow text{text-anchor:middle;fill:var(--ink)}
        .flow .column{fill:var(--soft);font-size:12px}
        .flow .name{font-weight:600}
        .flow .below,.flow .shape{font-size:11px;fill:var(--soft)}
        .flow .shape{paint-order:stroke;stroke:var(--card);stroke-width:3px}
        .flow .cold{fill:var(--cold);font-weight:600}
        .flow rect{fill:var(--bg);stroke:var(--soft);stroke-width:1.2}
        .flow .of-base rect{fill:var(--tint);stroke:var(--accent);stroke-width:1.6}
        .flow .frozen rect{stroke-dasharray:6 4}
        .flow .arrow{fill:none;stroke:var(--soft);stroke-width:1.3}
        .flow .head{fill:var(--soft)}
        .samples{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,210px),1fr));gap:16px;list-style:none;padding:0;margin:0}
        .samples.wide{grid-template-columns:repeat(auto-fill,minmax(min(100%,420px),1fr))}
        .samples li{border:1px solid var(--line);border-radius:10px;padding:12px;min-width:0;font-size:.9rem}
        .samples p{margin:6px 0 0}
        .samples .soft{font-size:.82rem}
        .pictures{display:flex;flex-wrap:wrap;gap:10px}
        .pictures figure{margin:0;width:min-content;min-width:112px;max-width:100%}
        .pictures figcaption{font-size:.8rem}
        img{display:block;max-width:100%}
        .pixels{image-rendering:pixelated;height:auto;border-radius:4px}
        .strip{width:100%;image-rendering:pixelated;border-radius:4px}
        .row{display:grid;grid-template-columns:repeat(auto-fill,minmax(76px,1fr));gap:2px 10px;margin:0;font-size:.8rem}
        .row div{min-width:0}
        .row dt{color:var(--soft)}
        .row dd{margin:0;font-variant-numeric:tabular-nums}
        .tokens,code{font-family:ui-monospace,Consolas,monospace;font-size:.85em}
        .tokens span{background:color-mix(in srgb,var(--wrong) var(--share),var(--bg));border-radius:3px;padding:1px 3px}
        .tokens span.right{background:color-mix(in srgb,var(--right) var(--share),var(--bg))}
        code{background:var(--tint);border-radius:4px;padding:1px 4px}
        .missing{background:var(--tint);border-radius:8px;padding:10px 14px;margin:10px 0}
        .warnings,.advice,ul.note{padding-left:1.2em}
        .warnings li,.advice li{margin:8px 0}
        @media (max-width:600px){header,main{padding:0 10px}header{padding-top:18px}section{padding:16px 12px}}
        @media print{body{background:#fff;font-size:11pt}header,main{max-width:none;padding:0}nav{display:none}section{border:0;padding:0;break-inside:auto}figure,li,tr,.metrics{break-inside:avoid}h2,h3,h4{break-after:avoid}.scroll{overflow:visible}.flow{min-width:0}.confusion td,.tokens span,.bar,.bar span,.tiles li{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
        """;
}
