import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { z } from "zod";
import {
  readStored,
  storedClassified,
  storedConfusion,
  storedLabelMaps,
  storedMetrics,
} from "../../lib/report/storedFiles.js";
import { userMessage } from "../support/failure.js";

describe("stored results of an evaluation", () => {
  const folder = mkdtempSync(join(tmpdir(), "densekit-stored-"));
  after(() => rmSync(folder, { recursive: true }));

  const path = join(folder, "file.json");
  const advice = `; delete the folder ${folder} and report evaluates the run anew`;

  async function faultOf(schema: z.ZodType, content: string | Uint8Array): Promise<string> {
    writeFileSync(path, content);
    const message = await userMessage(() => readStored(path, schema));
    expect(message.startsWith(`${path}: `) && message.endsWith(advice), message).to.equal(true);
    return message.slice(path.length + 2, -advice.length);
  }

  const row = { name: "a", metrics: { AP: null } };

  it("with damaged metrics are refused, naming file, fault and what to do", async () => {
    for (const [content, fault] of [
      ['{"metrics":null,"perClass":[]}', /^not what evaluate writes: weights: .*string, received undefined$/],
      ['{"weights":"w","metrics":null,"perClass":[]}', /^not what evaluate writes: metrics: .*record, received null$/],
      ['{"weights":5,"metrics":[],"perClass":[]}', /^not what evaluate writes: weights: .*string, received number$/],
      ['{"weights":"w","metrics":[],"perClass":[]}', /: metrics: .*record, received array$/],
      ['{"weights":"w","metrics":{"boxAP":"<script>"},"perClass":[]}', /: metrics\.boxAP: .*number, received string$/],
      ['{"weights":"w","metrics":{"boxAP":1e999},"perClass":[]}', /: metrics\.boxAP: .*number/],
      ['{"weights":"w","metrics":{},"perClass":[]}', /: perClass: there are no classes$/],
      ['{"weights":"w","metrics":{},"perClass":[null,5]}', /: perClass\.0: .*object, received null$/],
      [`{"weights":"w","metrics":{},"perClass":[{"name":"a","metrics":{"AP":"1"}}]}`, /: perClass\.0\.metrics\.AP: /],
      ["null", /^not what evaluate writes: .*object, received null$/],
      ["{", /^truncated or not JSON$/],
      ["[".repeat(1000), /^truncated or not JSON$/],
      [Uint8Array.of(0xff, 0xfe, 0), /^the file is damaged: it is not UTF-8$/],
    ] as const) {
      expect(await faultOf(storedMetrics, content), String(content)).to.match(fault);
    }
    writeFileSync(path, JSON.stringify({ weights: "w", metrics: { boxAP: 0.5, loss: Number.NaN }, perClass: [row] }));
    const { metrics } = await readStored(path, storedMetrics);
    expect(metrics.boxAP).to.equal(0.5);
    expect(metrics.loss).to.be.NaN;
  });

  it("with damaged counts are refused", async () => {
    const schema = storedConfusion(["a", "b", "c"]);
    const classes = '"classes":["a","b","c"]';
    for (const [content, fault] of [
      ['{"classes":{"length":3},"counts":{"length":9}}', /: classes: .*array, received object$/],
      [`{${classes},"counts":{"length":9}}`, /: counts: .*array, received object$/],
      [`{${classes},"counts":[1,1,1,1,1,1e999,-1,null,"<b>"]}`, /: counts\.5: /],
      [`{${classes},"counts":[1,1,1,1,1,-1,0,0,0]}`, /: counts\.5: Too small/],
      [`{${classes},"counts":[1,1,1,1,1,0.5,0,0,0]}`, /: counts\.5: .*int/],
      [`{${classes},"counts":[1,1]}`, /: there are 2 counts, but 3 classes have 9$/],
      [`{${classes},"counts":[1,1,1,1,1,1,1,1,1],"ignored":"x"}`, /: ignored: /],
      ['{"classes":["a"],"counts":[1]}', /: its classes are not those of metrics\.json$/],
      ['{"classes":[],"counts":[]}', /: classes: there are no classes$/],
    ] as const) {
      expect(await faultOf(schema, content), content).to.match(fault);
    }
    writeFileSync(path, `{${classes},"counts":[1,2,3,4,5,6,7,8,9],"ignored":2}`);
    const { counts, ignored } = await readStored(path, schema);
    expect(counts).to.deep.equal(Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9));
    expect(ignored).to.equal(2);
  });

  it("with damaged results per image are refused", async () => {
    const image = { file: "a.jpg", label: 0, found: 1, labelScore: 0.2, foundScore: 0.8 };
    expect(await faultOf(storedClassified(2), JSON.stringify([image, { ...image, found: 2 }]))).to.match(
      /: 1\.found: Too big/,
    );
    expect(await faultOf(storedClassified(2), JSON.stringify([{ ...image, file: 5 }]))).to.match(/: 0\.file: /);
    expect(await faultOf(storedClassified(2), JSON.stringify([{ ...image, labelScore: "x" }]))).to.match(
      /: 0\.labelScore: /,
    );
    expect(await faultOf(storedLabelMaps, '[{"file":"a","mIoU":"<b>","aAcc":null}]')).to.match(/: 0\.mIoU: /);
    expect(await faultOf(storedLabelMaps, '{"length":2}')).to.match(/array, received object$/);
    writeFileSync(path, JSON.stringify([image]));
    expect(await readStored(path, storedClassified(2))).to.deep.equal([image]);
  });
});
