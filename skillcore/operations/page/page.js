// Draws the OpenAPI description of this service. Text goes in as text, never as markup.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];

function element(tag, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
}

function resolve(api, node) {
  if (!node || !node.$ref) return node;
  return node.$ref.slice(2).split("/").reduce((found, key) => found[key], api);
}

function kind(api, schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map((one) => kind(api, one)).join(" or ");
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (schema.type === "array") return `list of ${kind(api, schema.items) || "anything"}`;
  return [schema.type || "anything", schema.format && `(${schema.format})`].filter(Boolean).join(" ");
}

function bounds(schema) {
  const shown = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems",
    "pattern", "default"];
  return shown.filter((key) => key in schema).map((key) => `${key} ${JSON.stringify(schema[key])}`).join(", ");
}

function prose(text) {
  return (text ?? "").split(/`+([^`]+)`+/).map((part, place) => (place % 2 ? element("code", {}, part) : part));
}

function table(head, rows) {
  const row = (cell, cells) => element("tr", {}, ...cells.map((text) => element(cell, {}, ...prose(text))));
  return element("table", {}, row("th", head), ...rows.map((cells) => row("td", cells)));
}

function fields(api, schema) {
  const found = resolve(api, schema) || {};
  if (!found.properties) return [];
  const required = new Set(found.required || []);
  const rows = Object.entries(found.properties).map(([name, field]) => [
    name + (required.has(name) ? " *" : ""), kind(api, field), [field.description, bounds(field)].filter(Boolean).join(" "),
  ]);
  return [table(["field", "type", ""], rows)];
}

function bodies(api, title, holder) {
  return Object.entries(resolve(api, holder)?.content || {}).flatMap(([type, body]) => [
    element("h4", {}, `${title} (${type})`),
    ...fields(api, body.schema),
    ...("example" in body ? [element("pre", {}, JSON.stringify(body.example, null, 2))] : []),
  ]);
}

function operation(api, path, method, found) {
  const parameters = (found.parameters || []).map((one) => [
    one.name + (one.required ? " *" : ""), one.in, kind(api, one.schema),
    [one.description, bounds(one.schema)].filter(Boolean).join(" "),
  ]);
  const responses = Object.entries(found.responses).map(([status, one]) => [status, resolve(api, one).description]);
  const success = Object.entries(found.responses).filter(([status]) => status.startsWith("2"));
  const whole = element("details", {},
    element("summary", {}, element("span", { className: "method" }, method.toUpperCase()), element("code", {}, path),
      ` ${found.summary}`),
    element("p", {}, ...prose(found.description)),
    element("p", { className: "access" }, found["x-access"] ? `For ${found["x-access"].join(", and ")}.` : "For anyone."),
    ...(parameters.length ? [element("h4", {}, "Parameters"), table(["name", "in", "type", ""], parameters)] : []),
    ...bodies(api, "Body", found.requestBody),
    ...success.slice(0, 1).flatMap(([status, one]) => bodies(api, `Answer ${status}`, one)),
    element("h4", {}, "Statuses"), table(["status", ""], responses));
  whole.dataset.text = `${method} ${path} ${found.summary} ${found.description}`.toLowerCase();
  return whole;
}

function draw(api) {
  const groups = new Map();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((one) => one in methods)) {
      const tag = methods[method].tags?.[0] || "other";
      groups.set(tag, [...(groups.get(tag) || []), operation(api, path, method, methods[method])]);
    }
  }
  document.getElementById("version").textContent = api.info.version;
  document.getElementById("about").replaceChildren(...prose(api.info.description));
  const sections = [...groups].map(([tag, all]) => element("section", {}, element("h2", {}, tag), ...all));
  document.getElementById("operations").replaceChildren(...sections);
}

document.getElementById("find").addEventListener("input", (event) => {
  const words = event.target.value.toLowerCase();
  for (const one of document.querySelectorAll("details")) one.hidden = !one.dataset.text.includes(words);
  for (const one of document.querySelectorAll("section")) one.hidden = !one.querySelector("details:not([hidden])");
});

fetch("/api/docs/openapi.json").then((answer) => answer.json()).then(draw).catch((error) => {
  document.getElementById("operations").textContent = `The description did not load: ${error.message}`;
});
