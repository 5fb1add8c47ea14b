import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { openMlflow } from "../../lib/loggers/mlflow.js";
import { userMessage } from "../support/failure.js";
import { messagesOf, trainQuietly } from "../support/runs.js";
import { makeShapes, shapesConfig } from "../support/shapes.js";

interface Asked {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: Record<string, unknown> & {
    readonly metrics?: readonly { key: string; value: number; step: number }[];
  };
}

/** What MLflow answers, as its REST API is described; `fails` makes it refuse. */
async function startServer(): Promise<{ server: Server; uri: string; asked: Asked[]; state: { fails: boolean } }> {
  const asked: Asked[] = [];
  const state = { fails: false };
  const experiments = ["densekit"];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const path = (request.url ?? "").replace("/api/2.0/mlflow/", "");
    const body = text === "" ? {} : JSON.parse(text);
    asked.push({ path, authorization: request.headers.authorization, body });
    const answer = (status: number, value: object) => response.writeHead(status).end(JSON.stringify(value));
    if (state.fails) return answer(503, { message: "down" });
    if (path === "experiments/create") {
      if (experiments.includes(body.name)) return answer(400, { error_code: "RESOURCE_ALREADY_EXISTS" });
      return answer(200, { experiment_id: String(experiments.push(body.name) - 1) });
    }
    if (path.startsWith("experiments/get-by-name")) return answer(200, { experiment: { experiment_id: "0" } });
    if (path === "runs/create") return answer(200, { run: { info: { run_id: "r1" } } });
    return answer(200, {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, state };
}

describe("the MLflow logger", () => {
  let folder: string;
  let service: Awaited<ReturnType<typeof startServer>>;
  const said: string[] = [];
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "densekit-mlflow-"));
    service = await startServer();
    said.length = 0;
  });
  afterEach(() => {
    service.server.closeAllConnections();
    service.server.close();
    rmSync(folder, { recursive: true });
  });
  const run = () => ({
    folder,
    config: "training: { steps: 3 }\ntask: segmentation\n",
    say: (text: string) => void said.push(text),
  });
  const metrics = (step: number, value = step) =>
    ({ type: "metrics", step, hook: "onStep", metrics: { value, "odd!": 1, none: Number.NaN } }) as const;
  const sent = () =>
    service.asked.flatMap(({ body }) => body.metrics ?? []).map(({ key, value, step }) => [key, value, step]);

  it("creates a run, with the config's values as parameters, sends its numbers and ends it", async () => {
    const logger = await openMlflow({ uri: `${service.uri}/`, experiment: "densekit", name: "mine" }, run());
    for (const step of [1, 2]) logger.write(metrics(step));
    logger.write({ type: "message", text: "no number" });
    await logger.end?.("done");
    const paths = service.asked.map(({ path }) => path);
    expect(paths.slice(0, 4)).to.deep.equal([
      ...["experiments/create", "experiments/get-by-name?experiment_name=densekit", "runs/create", "runs/log-batch"],
    ]);
    expect(service.asked[2]!.body).to.include({ experiment_id: "0", run_name: "mine" });
    expect(service.asked[3]!.body.params).to.deep.equal([
      { key: "training.steps", value: "3" },
      { key: "task", value: "segmentation" },
    ]);
    expect(sent()).to.deep.equal(
      [1, 2].flatMap((step) => [
        ["value", step, step],
        ["odd_", 1, step],
      ]),
    );
    expect(service.asked.at(-1)).to.deep.include({ path: "runs/update" });
    expect(service.asked.at(-1)!.body).to.include({ run_id: "r1", status: "FINISHED" });
    expect(said).to.deep.equal([]);
  });

  it("continues the same run after a resume, and makes a new one where the file that names it is damaged", async () => {
    await (await openMlflow({ uri: service.uri, experiment: "other" }, run())).end?.("failed");
    expect(service.asked.at(-1)!.body.status).to.equal("FAILED");
    const begun = () => service.asked.filter(({ path }) => path === "runs/create").length;
    const resume = async () =>
      (await openMlflow({ uri: service.uri, experiment: "other" }, { ...run(), resumeStep: 1 })).end?.("done");
    await resume();
    expect(begun()).to.equal(1);
    expect(service.asked.some(({ body }) => body.status === "RUNNING")).to.equal(true);
    writeFileSync(join(folder, "mlflow.json"), "{");
    await resume();
    expect(begun()).to.equal(2);
    expect(JSON.parse(readFileSync(join(folder, "mlflow.json"), "utf8"))).to.deep.equal({
      server: service.uri,
      run: "r1",
    });
  });

  it("says once that the server fails, and sends what it missed when it answers again", async () => {
    service.state.fails = true;
    const logger = await openMlflow({ uri: service.uri, experiment: "densekit" }, run());
    for (const step of [1, 2, 3]) logger.write(metrics(step));
    while (said.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    logger.write(metrics(4));
    service.state.fails = false;
    await logger.end?.("done");
    expect(said).to.deep.equal([
      `MLflow (${service.uri}): experiments/create: the server answers 503: {"message":"down"}; training goes on, and this is not said again`,
    ]);
    expect(sent().filter(([key]) => key === "value")).to.deep.equal([1, 2, 3, 4].map((step) => ["value", step, step]));
  });

  it("sends the password of an address in a header, and never says it", async () => {
    service.state.fails = true;
    const uri = service.uri.replace("//", "//me:secret@");
    await (await openMlflow({ uri, experiment: "densekit" }, run())).end?.("done");
    expect(service.asked[0]!.authorization).to.equal(`Basic ${Buffer.from("me:secret").toString("base64")}`);
    expect(said).to.have.length(1);
    expect(said[0]).to.not.contain("secret");
  });

  it("needs an address it can speak to", async () => {
    const told = (uri?: string) =>
      userMessage(() => openMlflow({ ...(uri !== undefined && { uri }), experiment: "densekit" }, run()));
    expect(await told()).to.equal(
      "training.loggers: mlflow needs the address of a server: uri, or MLFLOW_TRACKING_URI",
    );
    expect(await told("./mlruns")).to.equal(
      "training.loggers: mlflow is reached over its REST API: uri must begin with http:// or https://",
    );
  });

  it("logs training, which goes on where nothing answers, with the same weights", async function () {
    this.timeout(60_000);
    const data = await makeShapes(2);
    try {
      const logged = (loggers: readonly object[], output: string) =>
        trainQuietly(shapesConfig("segmentation", data, join(data.folder, output)), [
          "training.steps=2",
          `training.loggers=${JSON.stringify(loggers)}`,
        ]);
      const { result } = await logged([{ type: "mlflow", uri: service.uri }], "logged");
      expect(sent().filter(([key]) => key === "training/loss")).to.have.length(2);
      expect(sent().find(([key]) => key === "validation/mIoU")?.[1]).to.equal(result.metrics.mIoU);
      const gone = await startServer();
      gone.server.close();
      const without = await logged([{ type: "mlflow", uri: gone.uri }], "without");
      expect(messagesOf(without.events).match(/MLflow/g)).to.have.length(1);
      expect(without.result.metrics).to.deep.equal(result.metrics);
    } finally {
      rmSync(data.folder, { recursive: true });
    }
  });
});
