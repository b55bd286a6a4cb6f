/// The page at `/docs`: it reads `/openapi.json` and `/asyncapi.json` in the browser and shows them. It needs nothing from
/// anywhere else, and puts what it shows into the page as text only.
enum DocsPage {
  static let html = #"""
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>skillmesh: endpoints and events</title>
    <link rel="stylesheet" href="/docs/docs.css">
    <script src="/docs/docs.js" defer></script>
    </head>
    <body>
    <header>
    <h1>skillmesh</h1>
    <p>As documents: <a href="/openapi.json">OpenAPI</a>, <a href="/asyncapi.json">AsyncAPI</a></p>
    <label>Find <input id="find" type="search" autocomplete="off" placeholder="a path or a name"></label>
    </header>
    <main>
    <p id="state" role="status">Reading…</p>
    <section aria-labelledby="endpoints"><h2 id="endpoints">Endpoints</h2><div id="rest"></div></section>
    <section aria-labelledby="events"><h2 id="events">Events</h2><div id="topics"></div></section>
    </main>
    <noscript><p>This page needs JavaScript; the documents above do not.</p></noscript>
    </body>
    </html>

    """#

  static let style = #"""
    :root { color-scheme: light dark; --line: #8886; --accent: light-dark(#0a58ca, #8ab4f8); }
    * { box-sizing: border-box; }
    body { margin: 0 auto; padding: 1rem; max-width: 64rem; font: 16px/1.5 system-ui, sans-serif; }
    a { color: var(--accent); }
    h1 { margin: 0; }
    h2 { margin: 2rem 0 0; }
    h3 { margin: 1.5rem 0 .5rem; text-transform: capitalize; }
    label { display: block; margin: .5rem 0; }
    input { font: inherit; padding: .25rem .5rem; width: 100%; max-width: 24rem; }
    details { border: 1px solid var(--line); border-radius: .4rem; margin: .3rem 0; }
    summary { padding: .4rem .6rem .4rem 7rem; text-indent: -6.4rem; cursor: pointer; overflow-wrap: anywhere; }
    #topics summary { padding-left: 1.6rem; text-indent: -1rem; }
    summary:focus-visible { outline: 2px solid var(--accent); }
    details > div { padding: 0 .8rem .8rem; }
    details > div > div { margin-top: .5rem; }
    code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
    pre { white-space: pre-wrap; overflow-wrap: anywhere; border-left: 3px solid var(--line); margin: .3rem 0; padding-left: .8rem; }
    .method { display: inline-block; min-width: 4.8em; text-indent: 0; font-weight: 600; color: var(--accent); }
    .note { opacity: .75; }
    [hidden] { display: none; }

    """#

  static let script = #"""
    "use strict";

    /** An element with text or children; text is never taken for markup. */
    function make(tag, className, ...children) {
      const element = document.createElement(tag);
      if (className) element.className = className;
      element.append(...children);
      return element;
    }

    /** A shape in a few words and lines: what JSON Schema says, as one would jot it down. */
    function shape(schema, indent = "") {
      if (!schema) return "anything";
      if (schema.contentSchema) return shape(schema.contentSchema, indent);
      if (schema.anyOf) return schema.anyOf.map((one) => shape(one, indent)).join(" or ");
      if (schema.enum) return schema.enum.map((word) => JSON.stringify(word)).join(" | ");
      if (schema.type === "array") return "list of " + shape(schema.items, indent);
      if (schema.type === "object") {
        if (schema.additionalProperties) return "map of " + shape(schema.additionalProperties, indent);
        const required = new Set(schema.required || []);
        const lines = Object.entries(schema.properties || {}).map(([name, value]) =>
          `${indent}  ${name}${required.has(name) ? "" : "?"}: ${shape(value, indent + "  ")}`);
        return lines.length ? `{\n${lines.join("\n")}\n${indent}}` : "{}";
      }
      if (!schema.type) return "anything";
      const limits = [];
      if (schema.minLength !== undefined) limits.push(`at least ${schema.minLength} characters`);
      if (schema.maxLength !== undefined) limits.push(`at most ${schema.maxLength} characters`);
      if (schema.minimum !== undefined) limits.push(`from ${schema.minimum}`);
      if (schema.maximum !== undefined) limits.push(`up to ${schema.maximum}`);
      return (schema.format || schema.type) + (limits.length ? ` (${limits.join(", ")})` : "");
    }

    function block(title, text) {
      return make("div", "", make("strong", "", title), make("pre", "", text));
    }

    /** What comes back: a shape, a document of some media type, or the way elsewhere. */
    function answer(response) {
      if (response.headers?.Location) return "Location: where to go on";
      const [type, content] = Object.entries(response.content || {})[0] || [];
      if (!type) return "nothing";
      return type === "application/json" ? shape(content.schema) : type;
    }

    function endpoint(path, method, operation) {
      const body = make("div", "");
      const who = operation["x-audience"] === "anyone" ? "Anyone" : `Needs the role ${operation["x-audience"]}`;
      body.append(make("p", "note", `${operation.operationId}. ${who}; ${operation["x-calls-per-minute"]} calls a minute.`));
      const values = (operation.parameters || []).filter((one) => one.name);
      if (values.length) {
        body.append(block("Values", values.map((one) =>
          `${one.name}${one.required ? "" : "?"} in ${one.in}: ${shape(one.schema)}`).join("\n")));
      }
      const sent = operation.requestBody;
      for (const [type, {schema}] of Object.entries(sent?.content || {})) {
        const text = schema ? shape(schema) : sent.description || "a file";
        if (text !== "{}") body.append(block(type === "application/json" ? "Body" : `Body, ${type}`, text));
      }
      const refusals = [];
      for (const [status, response] of Object.entries(operation.responses)) {
        if (/^[23]/.test(status)) body.append(block(`Answer ${status}`, answer(response)));
        else if (response.description) refusals.push(`${status} ${response.description.replaceAll("`", "")}`);
      }
      if (refusals.length) body.append(block("Refusals", refusals.join("\n")));
      const summary = make("summary", "", make("span", "method", method.toUpperCase()), make("code", "", path));
      return make("details", "", summary, body);
    }

    function message(name, schema) {
      const summary = make("summary", "", make("code", "", name));
      return make("details", "", summary, make("div", "", make("pre", "", shape(schema))));
    }

    function showEndpoints(api) {
      const groups = new Map();
      for (const [path, methods] of Object.entries(api.paths)) {
        for (const [method, operation] of Object.entries(methods)) {
          const tag = operation.tags[0];
          if (!groups.has(tag)) groups.set(tag, []);
          groups.get(tag).push(endpoint(path, method, operation));
        }
      }
      for (const [tag, entries] of [...groups].sort(([a], [b]) => a < b ? -1 : 1)) {
        document.getElementById("rest").append(make("section", "group", make("h3", "", tag), ...entries));
      }
    }

    function showEvents(api) {
      for (const [topic, channel] of Object.entries(api.channels)) {
        const entries = Object.keys(channel.messages).map((name) =>
          message(name, api.components.messages[name].payload));
        document.getElementById("topics").append(make("section", "group", make("h3", "", topic), ...entries));
      }
    }

    function find(text) {
      const wanted = text.trim().toLowerCase();
      for (const group of document.querySelectorAll(".group")) {
        let visible = 0;
        for (const entry of group.querySelectorAll("details")) {
          entry.hidden = !entry.textContent.toLowerCase().includes(wanted);
          if (!entry.hidden) visible += 1;
        }
        group.hidden = visible === 0;
      }
    }

    async function read(path) {
      const response = await fetch(path);
      if (!response.ok) throw new Error(`${path} answers ${response.status}`);
      return response.json();
    }

    document.getElementById("find").addEventListener("input", (event) => find(event.target.value));
    Promise.all([read("/openapi.json"), read("/asyncapi.json")]).then(([rest, events]) => {
      showEndpoints(rest);
      showEvents(events);
      document.getElementById("state").hidden = true;
    }).catch((error) => {
      document.getElementById("state").textContent = `The documents cannot be read: ${error.message}. Load the page again.`;
    });

    """#
}
