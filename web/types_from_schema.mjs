// The wire's types from the control API's schema: `npm run types -- openapi.json`, then commit src/api/schema.ts.
import { readFileSync, writeFileSync } from "node:fs";

const { components } = JSON.parse(readFileSync(process.argv[2], "utf8"));

function type(schema) {
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  if (schema.anyOf) return schema.anyOf.map(type).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (schema.type === "array") return `Array<${type(schema.items)}>`;
  if (schema.type === "integer") return "number";
  if (schema.type === "object") return "object";
  if (["string", "number", "boolean", "null"].includes(schema.type)) return schema.type;
  throw new Error(`no type for ${JSON.stringify(schema)}`);
}

function declaration([name, schema]) {
  const required = schema.required ?? [];
  const fields = Object.entries(schema.properties).flatMap(([key, field]) => [
    ...(field.description ? [`  /** ${field.description} */`] : []),
    `  ${key}${required.includes(key) ? "" : "?"}: ${type(field)};`,
  ]);
  return [`/** ${schema.description ?? name} */`, `export interface ${name} {`, ...fields, "}", ""].join("\n");
}

const head = "/** What crosses the wire: made by types_from_schema.mjs from the control API's schema. */\n\n";
writeFileSync("src/api/schema.ts", head + Object.entries(components.schemas).filter(([, one]) => one.properties).map(declaration).join("\n"));
