import { allBackbones, type BackboneConfig, backboneTitle, publishedWeights } from "../lib/backbones/index.js";

/** What `weights: imagenet` stands for, for every variant of every backbone, as a Markdown table. */
export function publishedTable(): string {
  const rows = publishedOfAll().map(
    ({ config, published: { repository, licence, note } }) =>
      `| ${backboneTitle(config)} | \`hf://${repository}\` | ${licence} | ${note ?? ""} |`,
  );
  return ["| backbone | weights | licence | |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

/** The configs of all backbones with published weights, with defaults for everything else. */
export function publishedOfAll() {
  return allBackbones().flatMap(({ schema }) => {
    const { type, ...keys } = schema.shape;
    const [name] = type.values;
    return variantsOf("variant" in keys ? keys.variant : undefined).flatMap((value) => {
      const parsed = schema.safeParse({ type: name, variant: value });
      if (!parsed.success) return [];
      const config = parsed.data as BackboneConfig;
      const published = publishedWeights(config);
      return published === undefined ? [] : [{ config, published }];
    });
  });
}

/** The values of an enumeration, or of a union of literals. */
function variantsOf(schema: unknown): readonly unknown[] {
  if (typeof schema !== "object" || schema === null) return [];
  if ("options" in schema && Array.isArray(schema.options)) return schema.options;
  if ("values" in schema && schema.values instanceof Set) return [...schema.values];
  return "unwrap" in schema && typeof schema.unwrap === "function" ? variantsOf(schema.unwrap()) : [];
}
