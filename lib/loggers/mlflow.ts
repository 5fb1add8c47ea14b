import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { UserError } from "../errors.js";
import { readTextFile, writeFileAtomic } from "../files.js";
import type { LoggedRun, RunLogger } from "./logger.js";
import { loggerKind } from "./logger.js";
import { scalarsOf } from "./scalars.js";

/** In the run's folder: which run of which server it is, so that a resumed one is continued there. */
export const MLFLOW_FILE = "mlflow.json";

/** A run of an MLflow server, over its REST API. */
export const mlflow = loggerKind({
  schema: z
    .strictObject({
      type: z.literal("mlflow"),
      uri: z.string().min(1).exactOptional().describe("Address of the server; default MLFLOW_TRACKING_URI"),
      experiment: z.string().min(1).default("densekit").describe("The experiment that the run is one of"),
      name: z.string().min(1).exactOptional().describe("What the run is called; default its folder's name"),
    })
    .describe("An MLflow tracking server; where it fails, training goes on"),
  open: openMlflow,
});

interface MlflowOptions {
  readonly uri?: string;
  readonly experiment: string;
  readonly name?: string;
}

interface Metric {
  readonly key: string;
  readonly value: number;
  readonly timestamp: number;
  readonly step: number;
}

/** What the server takes at once. */
const METRICS_AT_ONCE = 1000;
const PARAMS_AT_ONCE = 100;
const LONGEST_PARAM = 500;
/** Metrics kept for a server that does not answer; then the oldest are dropped. */
const MOST_WAITING = 20_000;
/** For an answer, and between attempts at a server that failed. */
const SECONDS = 10;

/**
 * Sends in the background what is logged, so that training waits for the server at its end at most. A server that fails is told of
 * once; it is tried again later, and what it missed is sent then.
 */
export async function openMlflow(options: MlflowOptions, run: LoggedRun): Promise<RunLogger> {
  const server = serverOf(options.uri);
  const waiting: Metric[] = [];
  let id = await knownRun(server.name, run);
  let begun = false;
  let told = false;
  let pausedUntil = 0;
  let sending: Promise<void> | undefined;

  const begin = async (): Promise<string> => {
    if (id !== undefined) {
      await server.post("runs/update", { run_id: id, status: "RUNNING" });
      return id;
    }
    id = await createRun(server, options, run);
    await writeFileAtomic(join(run.folder, MLFLOW_FILE), `${JSON.stringify({ server: server.name, run: id })}\n`);
    return id;
  };

  const sendAll = async (how?: "done" | "failed"): Promise<void> => {
    try {
      const runId = begun && id !== undefined ? id : await begin();
      begun = true;
      while (waiting.length > 0) {
        const metrics = waiting.slice(0, METRICS_AT_ONCE);
        await server.post("runs/log-batch", { run_id: runId, metrics });
        waiting.splice(0, metrics.length);
      }
      if (how === undefined) return;
      const status = how === "done" ? "FINISHED" : "FAILED";
      await server.post("runs/update", { run_id: runId, status, end_time: Date.now() });
    } catch (error) {
      pausedUntil = Date.now() + 1000 * SECONDS;
      if (told) return;
      told = true;
      run.say(`MLflow (${server.name}): ${(error as Error).message}; training goes on, and this is not said again`);
    }
  };
  const send = (): void => {
    if (Date.now() < pausedUntil) return;
    sending ??= sendAll().finally(() => {
      sending = undefined;
    });
  };

  send();
  return {
    write(event) {
      const scalars = scalarsOf(event);
      if (scalars === undefined || !("step" in event)) return;
      const timestamp = Date.now();
      for (const [name, value] of Object.entries(scalars)) {
        const key = name.replace(/[^\w\-./: ]/g, "_"); // what the server takes
        if (Number.isFinite(value)) waiting.push({ key, value, timestamp, step: event.step });
      }
      if (sending === undefined) waiting.splice(0, waiting.length - MOST_WAITING);
      send();
    },
    async end(how) {
      await sending;
      await sendAll(how);
    },
  };
}

interface Server {
  /** Its address, without secrets. */
  readonly name: string;
  post(path: string, body: object): Promise<unknown>;
  get(path: string): Promise<unknown>;
}

function serverOf(uri = process.env.MLFLOW_TRACKING_URI): Server {
  if (uri === undefined || uri === "") {
    throw new UserError("training.loggers: mlflow needs the address of a server: uri, or MLFLOW_TRACKING_URI");
  }
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new UserError(
      "training.loggers: mlflow is reached over its REST API: uri must begin with http:// or https://",
    );
  }
  const {
    MLFLOW_TRACKING_USERNAME: user,
    MLFLOW_TRACKING_PASSWORD: password,
    MLFLOW_TRACKING_TOKEN: token,
  } = process.env;
  const pair = url.username === "" ? `${user}:${password}` : decodeURIComponent(`${url.username}:${url.password}`);
  const basic = url.username !== "" || user !== undefined;
  const authorization = basic ? `Basic ${Buffer.from(pair).toString("base64")}` : token && `Bearer ${token}`;
  const headers = { "content-type": "application/json", ...(authorization && { authorization }) };
  const name = `${url.origin}${url.pathname}`.replace(/\/+$/, "");
  const ask = async (path: string, init: RequestInit): Promise<unknown> => {
    const signal = AbortSignal.timeout(1000 * SECONDS);
    const answer = await fetch(`${name}/api/2.0/mlflow/${path}`, { ...init, headers, signal }).catch((error: Error) => {
      throw new Error(error.name === "TimeoutError" ? `no answer in ${SECONDS} s` : reasonOf(error));
    });
    const text = await answer.text();
    if (answer.ok) return JSON.parse(text);
    throw new Refusal(`${path}: the server answers ${answer.status}: ${text.slice(0, 200)}`, text);
  };
  return {
    name,
    post: (path, body) => ask(path, { method: "POST", body: JSON.stringify(body) }),
    get: (path) => ask(path, { method: "GET" }),
  };
}

class Refusal extends Error {
  constructor(
    message: string,
    readonly text: string,
  ) {
    super(message);
  }
}

const reasonOf = ({ message, cause }: Error): string =>
  cause instanceof Error ? cause.message || String(cause) : message;

const knownSchema = z.object({ server: z.string(), run: z.string().min(1) });

/** The server's run that a resumed one is; undefined where there is none. */
async function knownRun(server: string, { folder, resumeStep }: LoggedRun): Promise<string | undefined> {
  const path = join(folder, MLFLOW_FILE);
  if (resumeStep === undefined || !existsSync(path)) return undefined;
  try {
    const known = knownSchema.parse(JSON.parse(await readTextFile(path)));
    return known.server === server ? known.run : undefined;
  } catch {
    return undefined; // damaged: a new run is begun there
  }
}

const createdExperiment = z.object({ experiment_id: z.string() });
const foundExperiment = z.object({ experiment: createdExperiment });
const createdRun = z.object({ run: z.object({ info: z.object({ run_id: z.string().min(1) }) }) });

async function createRun(
  server: Server,
  { experiment, name }: MlflowOptions,
  { folder, config }: LoggedRun,
): Promise<string> {
  const experiment_id = await experimentOf(server, experiment);
  const runName = name ?? basename(folder);
  const started = await server.post("runs/create", { experiment_id, run_name: runName, start_time: Date.now() });
  const run_id = createdRun.parse(started).run.info.run_id;
  const params = paramsOf(parse(config));
  for (let at = 0; at < params.length; at += PARAMS_AT_ONCE) {
    await server.post("runs/log-batch", { run_id, params: params.slice(at, at + PARAMS_AT_ONCE) });
  }
  return run_id;
}

async function experimentOf(server: Server, name: string): Promise<string> {
  try {
    return createdExperiment.parse(await server.post("experiments/create", { name })).experiment_id;
  } catch (error) {
    if (!(error instanceof Refusal && error.text.includes("RESOURCE_ALREADY_EXISTS"))) throw error;
  }
  const found = await server.get(`experiments/get-by-name?experiment_name=${encodeURIComponent(name)}`);
  return foundExperiment.parse(found).experiment.experiment_id;
}

/** The values of a config by their paths. */
function paramsOf(value: unknown, path = ""): { readonly key: string; readonly value: string }[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return text === undefined ? [] : [{ key: path, value: text.slice(0, LONGEST_PARAM) }];
  }
  return Object.entries(value).flatMap(([key, inner]) => paramsOf(inner, path === "" ? key : `${path}.${key}`));
}
