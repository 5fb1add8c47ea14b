import { availableParallelism, totalmem } from "node:os";
import type { Command } from "commander";
import { ENGINES } from "../engines/index.js";
import type { Finding, Status } from "../engines/kind.js";
import { ownVersion } from "../version.js";
import { type Context, printResult, type SharedOptions } from "./context.js";
import { createCommand } from "./options.js";
import { table } from "./table.js";

export function doctorCommand(context: Context): Command {
  return createCommand("doctor", "Show what this machine offers, and how to get what it lacks", [
    "doctor",
    "doctor --json",
  ]).action(async (flags: SharedOptions) => {
    const findings = await examine();
    printResult(context, flags, { ok: findings.every(({ status }) => status !== "problem"), findings }, () => {
      const marks: Readonly<Record<Status, string>> = { ok: "ok", optional: "–", problem: "!!" };
      return table(
        findings.map(({ name, status, detail }) => [marks[status], name, detail]),
        { left: true },
      );
    });
  });
}

export async function examine(): Promise<Finding[]> {
  return [
    nodeFinding(process.versions.node),
    { name: "platform", status: "ok", detail: `${process.platform} ${process.arch}` },
    memoryFinding(availableParallelism(), totalmem()),
    { name: "densekit", status: "ok", detail: ownVersion() },
    ...(await engineFindings()),
    ...(await codecFindings()),
  ];
}

export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return { name: "node", status: "ok", detail: version };
  const detail = `${version} is too old: install Node 20.19 or later, for example from https://nodejs.org`;
  return { name: "node", status: "problem", detail };
}

export function memoryFinding(cores: number, bytes: number): Finding {
  const gib = bytes / 2 ** 30;
  const found = `${cores} ${cores === 1 ? "core" : "cores"}, ${gib.toFixed(1)} GiB of memory`;
  if (gib >= 4) return { name: "machine", status: "ok", detail: found };
  const advice = "little for training: use the nano backbone, data.batchSize=1 and small images";
  return { name: "machine", status: "optional", detail: `${found}; ${advice}` };
}

async function engineFindings(): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { examine } of ENGINES) findings.push(...(await examine()));
  return findings;
}

async function codecFindings(): Promise<Finding[]> {
  const { describeCodecs } = await import("../images/codecs.js");
  const codecs = await describeCodecs();
  const none = codecs.every(({ available }) => !available);
  return codecs.map(({ name, available, version, formats, problem }) => ({
    name: `codec ${name}`,
    status: available ? "ok" : none ? "problem" : "optional",
    detail: available ? `${version ?? ""} reads ${formats.join(", ")}`.trim() : (problem ?? "cannot be loaded"),
  }));
}
