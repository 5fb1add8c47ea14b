import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { barChartSvg, histogram, histogramSvg, scatterSvg } from "../../lib/images/draw/charts.js";
import { plotSvg } from "../../lib/images/draw/plot.js";
import {
  figures,
  folded,
  html,
  imageFigure,
  keyFigures,
  raw,
  renderPage,
  svgFigure,
  tableOf,
} from "../../lib/pages/index.js";
import { noiseImage } from "../pixels/images.js";
import { requireChromium, withPage } from "../support/browser.js";

const HOSTILE = `<script>alert("x")</script> & 'quotes'`;

describe("pages", () => {
  it("escape all values, but not HTML itself", () => {
    expect(html`<p>${HOSTILE}</p>`.html).to.equal(
      "<p>&#60;script&#62;alert(&#34;x&#34;)&#60;/script&#62; &#38; &#39;quotes&#39;</p>",
    );
    expect(html`${[html`<b>${1}</b>`, undefined, false, "<"]}${raw("<i>")}`.html).to.equal("<b>1</b>&#60;<i>");
  });

  it("count values in bins of equal width or equal factor", () => {
    expect(histogram([0, 0.1, 0.25, 1, 2], { bins: 4, extent: [0, 1] }).map(({ count }) => count)).to.deep.equal([
      2, 1, 0, 1,
    ]);
    const log = histogram([1, 9, 10, 99, 100], { bins: 2, xScale: "log" });
    expect(log.map(({ count }) => count)).to.deep.equal([2, 3]);
    expect(log[0]!.to).to.be.closeTo(10, 1e-9);
    expect(histogram([], { bins: 3 }).reduce((sum, { count }) => sum + count, 0)).to.equal(0);
    expect(histogram([5, 5], { bins: 3 }).map(({ count }) => count)).to.deep.equal([0, 2, 0]);
  });

  it("are complete in a browser without a network", async function () {
    const chromium = requireChromium(this);
    const folder = await mkdtemp(join(tmpdir(), "densekit-page-"));
    try {
      const line = await plotSvg(
        [
          {
            name: HOSTILE,
            points: [
              [0, 1],
              [1, 2],
            ],
          },
          {
            name: "b",
            points: [
              [0, 2],
              [1, 1],
            ],
          },
        ],
        { xLabel: "x", yLabel: "y" },
      );
      const bars = await barChartSvg(
        [
          { name: HOSTILE, value: 3 },
          { name: "b", value: 10 },
        ],
        { valueLabel: "count" },
      );
      const values = await histogramSvg([1, 2, 2, 3], { xLabel: "v", yLabel: "n", marks: [{ x: 2, text: "two" }] });
      const points = await scatterSvg(
        [
          [1, 2],
          [3, 10],
        ],
        { xLabel: "w", yLabel: "h", scale: "log", marks: [{ x: 2, y: 3, text: "here" }] },
      );
      const file = join(folder, "page.html");
      const page = renderPage({
        title: HOSTILE,
        subtitle: "below",
        sections: [
          {
            title: "Drawings",
            content: [figures([line, bars, values, points].map((svg) => svgFigure(svg, { caption: HOSTILE })))],
          },
          {
            title: "Numbers",
            text: "a text",
            content: [
              keyFigures([["things", 12]]),
              tableOf(
                ["name", "value"],
                [
                  [HOSTILE, 1],
                  [html`<b>b</b>`, "2"],
                ],
              ),
              folded("more", [await imageFigure(noiseImage(30, 20), { caption: "noise", width: 60 })]),
              await imageFigure(noiseImage(30, 20), { format: "png", description: HOSTILE }),
            ],
          },
        ],
      });
      await writeFile(file, page);
      await withPage({ chromium, file }, async ({ page, problems, requests }) => {
        expect(problems).to.deep.equal([]);
        expect(requests).to.deep.equal([]);
        expect(await page.title()).to.equal(HOSTILE);
        expect(await page.locator("script").count()).to.equal(0);
        expect(await page.locator("h2").allTextContents()).to.deep.equal(["Drawings", "Numbers"]);
        expect(await page.locator("figure svg").count()).to.equal(4);
        expect(await page.locator("td").first().textContent()).to.equal(HOSTILE);
        const ids = await page.locator("[id]").evaluateAll((nodes) => nodes.map(({ id }) => id));
        expect(new Set(ids).size).to.equal(ids.length);
        const sizes = await page
          .locator("img")
          .evaluateAll((nodes) => nodes.map((node) => (node as unknown as { naturalWidth: number }).naturalWidth));
        expect(sizes).to.deep.equal([30, 30]);
        const overflow = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
        expect(overflow).to.equal(false);
        if (process.env.DENSEKIT_SCREENSHOTS) {
          await page.screenshot({ path: join(process.env.DENSEKIT_SCREENSHOTS, "page.png"), fullPage: true });
        }
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
