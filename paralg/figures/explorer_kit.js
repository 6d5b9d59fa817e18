/* The kit that every explorer stands on: labelled native controls, SVG, scales, numbers, colours.
 *
 * It is prepended to the explorer's own script, so `kit` is simply there. An explorer is an
 * anywidget module that computes from its embedded state; no kernel, no network:
 *
 *   export default {
 *     render({ model, el }) {
 *       const { times, work, span } = model.get("table");          // the state given in Python
 *       const picture = kit.picture({ width: 400, height: 120, label: "Bars: time on p workers" });
 *       const bar = kit.svg("rect", { x: 0, y: 40, height: 40, class: "pe-fill-vermilion" });
 *       picture.append(bar);
 *       const numbers = kit.numbers(["Workers", "Time at most"]);
 *       const status = kit.status();
 *       const workers = kit.slider({ label: "Workers p", min: 1, max: 64, value: 8, onInput: draw });
 *       function draw(p) {
 *         const bound = (work - span) / p + span;                  // Brent's theorem
 *         bar.setAttribute("width", kit.linear([0, work], [0, 400])(bound));
 *         numbers.set({ "Workers": p, "Time at most": kit.number(bound) });
 *         status.say(`${p} workers: at most ${kit.number(bound)} steps`);
 *       }
 *       draw(workers.value);
 *       el.append(kit.controls(workers, kit.play({ onTick: () => workers.step(1) })), picture,
 *                 numbers.el, status.el);
 *     },
 *   };
 *
 * Controls (each has .el, .value, .set(value, {quiet}); they may be appended as they are):
 *   slider({label, min, max, step, value, onInput, format})    a range input; also .step(k)
 *   stepper({label, min, max, value, onChange, format})        previous / next buttons; also .step(k)
 *   choice({label, options, value, onChange})                  radio group; options: value or {value, label}
 *   toggle({label, value, onChange})                           a check box
 *   button({label, onClick})                                   one button
 *   play({label, onTick, interval})                            calls onTick until it returns false;
 *        Escape stops it; under prefers-reduced-motion the button makes one step at a press
 *   bars({model, name, presets, picture, columns, heights, token, size, presetLabel, onChange})
 *        one bar a token, set by a stepper and a slider, by dragging in the picture, or by a preset;
 *        .values, .chosen, .controls
 * Output:
 *   status()            a polite live line, .say(text)
 *   numbers(names)      a row of named numbers, .set({name: text})
 *   picture({width, height, label})   an svg of that viewBox, as wide as the page allows; .describe(text)
 *   svg(tag, attrs, ...children), html(tag, attrs, ...children), clear(node), controls(...items)
 *        attrs: on* = listener, text = content, class, style (object or string), data-*, aria-*
 *   linear(domain, range), log(domain, range), ticks(low, high, count), axis(svg, {...})
 *   number(x, digits), percent(x), times(x)                    text of a number; plural(n, "round")
 *   colors.blue …       CSS variables that follow the theme (fills and lines);
 *   colors.text.blue …  the same hue with contrast enough for words
 */
const kit = (() => {
  const SVG_NAMESPACE = "http://www.w3.org/2000/svg";
  const HUES = ["blue", "vermilion", "green", "purple", "orange", "sky", "grey"];

  /* ---- building ---- */

  function dress(node, attrs) {
    for (const [name, value] of Object.entries(attrs || {})) {
      if (value === undefined || value === null || value === false) continue;
      if (name.startsWith("on")) node.addEventListener(name.slice(2).toLowerCase(), value);
      else if (name === "text") node.textContent = value;
      else if (name === "style" && typeof value === "object") Object.assign(node.style, value);
      else node.setAttribute(name, value === true ? "" : value);
    }
    return node;
  }

  const elements = (children) => children.flat().map((child) => (child && child.el) || child);
  const svg = (tag, attrs, ...children) => {
    const node = dress(document.createElementNS(SVG_NAMESPACE, tag), attrs);
    node.append(...elements(children));
    return node;
  };
  const html = (tag, attrs, ...children) => {
    const node = dress(document.createElement(tag), attrs);
    // JupyterLab would take arrow keys and Enter as commands, unless the element itself says no.
    if (["input", "button", "select"].includes(tag)) node.dataset.lmSuppressShortcuts = "true";
    node.append(...elements(children));
    return node;
  };
  const clear = (node) => { node.replaceChildren(); return node; };
  const controls = (...items) => html("div", { class: "pe-controls" }, ...items);

  function picture({ width, height, label }) {
    const node = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", class: "pe-picture",
      "aria-label": label, style: { maxWidth: `${width * 1.25}px` } });
    node.describe = (text) => node.setAttribute("aria-label", text);
    // On a phone the drawing shrinks; words shrink less, so that they stay readable.
    new ResizeObserver(([entry]) => {
      const zoom = clamp(width / (entry.contentRect.width || width), 1, 1.5);
      node.style.setProperty("--pe-zoom", zoom);
    }).observe(node);
    return node;
  }

  /* ---- numbers ---- */

  function number(x, digits = 3) {
    if (x === null || x === undefined || Number.isNaN(x)) return "–";
    if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
    const size = Math.abs(x);
    const places = Number.isInteger(x) ? 0 : Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
    if (size !== 0 && (size >= 1e9 || size < 1e-4)) return scientific(x, digits);
    const text = size.toFixed(Math.min(places, 12));
    const [whole, part] = text.split(".");
    const grouped = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, "\u202f") : whole;
    const nonzero = part === undefined ? "" : part.replace(/0+$/, "");
    return (x < 0 ? "−" : "") + grouped + (nonzero ? `.${nonzero}` : "");
  }

  function scientific(x, digits) {
    const [mantissa, exponent] = x.toExponential(digits - 1).split("e");
    const raised = exponent.replace("+", "").replace(/./g, (c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] || "⁻");
    return `${mantissa.replace("-", "−")}·10${raised}`;
  }

  const percent = (x, digits = 3) => `${number(100 * x, digits)}\u202f%`;
  const times = (x, digits = 3) => `${number(x, digits)}×`;
  const plural = (n, word, many = `${word}s`) => `${number(n)} ${n === 1 ? word : many}`;

  /* ---- scales ---- */

  const linear = ([a, b], [low, high]) => (x) => low + ((x - a) / (b - a || 1)) * (high - low);
  const log = ([a, b], range) => {
    const scale = linear([Math.log(a), Math.log(b)], range);
    return (x) => scale(Math.log(x));
  };

  function ticks(low, high, count = 5) {
    const raw = (high - low) / Math.max(1, count);
    if (!(raw > 0)) return [low];
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = power * [1, 2, 5, 10].find((k) => k * power >= raw * 0.999);
    const first = Math.ceil(low / step - 1e-9);
    const last = Math.floor(high / step + 1e-9);
    return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  }

  /* side: "bottom" or "left"; at: where the line lies; scale, values; from, to: its ends in pixels */
  function axis(parent, { side = "bottom", at, from, to, scale, values, label = "", format = number }) {
    const flat = side === "bottom";
    const group = svg("g", { class: "pe-axis", "aria-hidden": "true" });
    const place = (u, v) => (flat ? [u, v] : [v, u]);
    const line = ([x1, y1], [x2, y2]) => svg("line", { x1, y1, x2, y2 });
    const [out, anchor] = flat ? [1, "middle"] : [-1, "end"];
    group.append(line(place(from, at), place(to, at)));
    for (const value of values) {
      const [x, y] = place(scale(value), at + out * (flat ? 16 : 7));
      const words = { x, y: flat ? y : y + 4, "text-anchor": anchor, class: `pe-tick-${side}` };
      group.append(line(place(scale(value), at), place(scale(value), at + out * 4)));
      group.append(svg("text", { ...words, text: format(value) }));
    }
    const [x, y] = flat ? [(from + to) / 2, at + 34] : [at - 36, (from + to) / 2];
    const turn = flat ? undefined : `rotate(-90 ${x} ${y})`;
    const words = { x, y, "text-anchor": "middle", class: `pe-name-${side}`, text: label };
    group.append(svg("g", { transform: turn }, svg("text", words)));
    parent.append(group);
    return group;
  }

  /* ---- controls ---- */

  const clamp = (x, low, high) => Math.min(high, Math.max(low, x));

  function slider({ label, min = 0, max, step = 1, value = min, onInput = () => {}, format = number }) {
    const input = html("input", { type: "range", min, max, step });
    const output = html("span", { class: "pe-value", "aria-hidden": "true" });
    const name = html("span", { class: "pe-label", text: label });
    const el = html("div", { class: "pe-control pe-slider" }, html("label", {}, name, input), output);
    const show = () => {
      output.textContent = format(input.valueAsNumber);
      input.setAttribute("aria-valuetext", output.textContent);
      input.style.setProperty("--pe-share", (input.valueAsNumber - min) / (max - min || 1));
    };
    const set = (x, { quiet = false } = {}) => {
      input.value = clamp(x, min, max);
      show();
      if (!quiet) onInput(input.valueAsNumber);
    };
    const forward = (k) => {
      const before = input.valueAsNumber;
      set(before + k * step);
      return input.valueAsNumber !== before; // false at the end, which stops a `play`
    };
    input.addEventListener("input", () => { show(); onInput(input.valueAsNumber); });
    set(value, { quiet: true });
    return { el, input, set, step: forward, get value() { return input.valueAsNumber; } };
  }

  function button({ label, onClick, name }) {
    const el = html("button", { type: "button", class: "pe-button", text: label, "aria-label": name,
      onclick: (event) => { if (el.getAttribute("aria-disabled") !== "true") onClick(event); } });
    return { el, set label(text) { el.textContent = text; },
      set disabled(off) { off ? el.setAttribute("aria-disabled", "true") : el.removeAttribute("aria-disabled"); } };
  }

  function stepper({ label, min = 0, max, value = min, onChange = () => {}, format = number }) {
    let current = value;
    const back = button({ label: "◀", name: `${label}: previous`, onClick: () => forward(-1) });
    const next = button({ label: "▶", name: `${label}: next`, onClick: () => forward(1) });
    const output = html("span", { class: "pe-value" });
    const name = html("span", { class: "pe-label", text: label });
    const el = html("div", { class: "pe-control pe-stepper", role: "group", "aria-label": label },
      name, back, output, next);
    const show = () => {
      output.textContent = format(current);
      back.disabled = current <= min;
      next.disabled = current >= max;
    };
    const set = (x, { quiet = false } = {}) => {
      current = clamp(x, min, max);
      show();
      if (!quiet) onChange(current);
    };
    const forward = (k) => {
      const before = current;
      if (clamp(before + k, min, max) !== before) set(before + k);
      return current !== before;
    };
    el.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
      if (!move) return;
      event.preventDefault();
      forward(move);
    });
    show();
    return { el, set, step: forward, get value() { return current; } };
  }

  function choice({ label, options, value, onChange = () => {} }) {
    const entries = options.map((o) => (typeof o === "object" ? o : { value: o, label: String(o) }));
    let current = value === undefined ? entries[0].value : value;
    const inputs = entries.map((entry) => html("input", { type: "radio", name: "choice",
      onchange: () => { current = entry.value; onChange(current); } }));
    const labels = entries.map((entry, i) => html("label", {}, inputs[i], html("span", { text: entry.label })));
    const fieldset = html("fieldset", { class: "pe-choice" }, html("legend", { text: label }), ...labels);
    // A form of its own keeps the radio name private to this group, without invented ids.
    const el = html("form", { class: "pe-control", onsubmit: (event) => event.preventDefault() }, fieldset);
    const set = (x, { quiet = false } = {}) => {
      const at = entries.findIndex((entry) => entry.value === x);
      if (at < 0) throw new Error(`choice "${label}" has no option ${x}`);
      inputs[at].checked = true;
      current = x;
      if (!quiet) onChange(current);
    };
    set(current, { quiet: true });
    return { el, set, get value() { return current; } };
  }

  function toggle({ label, value = false, onChange = () => {} }) {
    const input = html("input", { type: "checkbox", onchange: () => onChange(input.checked) });
    const el = html("label", { class: "pe-control pe-toggle" }, input, html("span", { text: label }));
    const set = (x, { quiet = false } = {}) => {
      input.checked = Boolean(x);
      if (!quiet) onChange(input.checked);
    };
    set(value, { quiet: true });
    return { el, input, set, get value() { return input.checked; } };
  }

  function play({ label = "Play", pauseLabel = "Pause", stepLabel = "Step", onTick, interval = 700 }) {
    const still = window.matchMedia("(prefers-reduced-motion: reduce)");
    let timer = null;
    const control = button({ label: "", onClick: () => (timer === null ? start() : stop()) });
    const show = () => {
      control.label = timer !== null ? `❚❚ ${pauseLabel}` : still.matches ? `▶❘ ${stepLabel}` : `▶ ${label}`;
      control.el.dataset.playing = String(timer !== null);
    };
    const onKey = (event) => { if (event.key === "Escape") stop(); };
    const stop = () => {
      clearInterval(timer);
      timer = null;
      document.removeEventListener("keydown", onKey);
      show();
    };
    const tick = () => { if (!control.el.isConnected || onTick() === false) stop(); };
    const start = () => {
      if (still.matches) { onTick(); return; }
      timer = setInterval(tick, interval);
      document.addEventListener("keydown", onKey);
      show();
      tick();
    };
    still.addEventListener("change", () => stop());
    show();
    return { el: control.el, start, stop, get value() { return timer !== null; } };
  }

  /* Bars over tokens: `presets` are {label, [name]: values}; the model's `name` holds the first values and is told
   * of moves. columns {left, step, count, foot}: where tokens stand in the picture, and how far down a press counts.
   * heights {at, from, to}: the values `from` and `to` lie at the heights `at[0]` and `at[1]`.
   * token, size: the options of the stepper (tokens counted from 1) and of the slider. */
  function bars({ model, name, presets, picture: area, columns, heights, token, size, presetLabel, onChange }) {
    let values = model.get(name).slice();
    let dragging = false;
    const { left, step, count, foot } = columns;
    const rounded = (x) => Math.round(x / size.step) * size.step;
    const valueAt = linear(heights.at, [heights.from, heights.to]);
    const steps = stepper({ ...token, min: 1, max: count, onChange: choose });
    const amount = slider({ ...size, min: heights.from, max: heights.to, value: values[token.value - 1], onInput: move });
    const preset = choice({ label: presetLabel, value: presets[0].label,
      options: [...presets.map((one) => one.label), "own"], onChange: load });

    function choose() {
      amount.set(values[steps.value - 1], { quiet: true });
      onChange();
    }

    function load(label) {
      const found = presets.find((one) => one.label === label);
      if (!found) return;
      values = found[name].slice();
      choose();
    }

    function move(value) {
      values[steps.value - 1] = value;
      preset.set("own", { quiet: true });
      model.set(name, values.slice());
      model.save_changes();
      onChange();
    }

    /* A pointer on a column chooses its token and sets its value; a drag stays in it. */
    function point(event) {
      const box = area.getBoundingClientRect();
      const zoom = area.viewBox.baseVal.width / box.width;
      const y = (event.clientY - box.top) * zoom;
      if (event.type === "pointerdown") {
        const t = Math.floor(((event.clientX - box.left) * zoom - left) / step);
        if (t < 0 || t >= count || y > foot) return;
        dragging = true;
        area.setPointerCapture(event.pointerId);
        steps.set(t + 1, { quiet: true });
        event.preventDefault();
      }
      if (dragging) amount.set(rounded(valueAt(y)));
    }
    area.style.touchAction = "pan-y";
    area.addEventListener("pointerdown", point);
    area.addEventListener("pointermove", point);
    for (const end of ["pointerup", "pointercancel"]) area.addEventListener(end, () => { dragging = false; });

    return { get values() { return values; }, get chosen() { return steps.value - 1; }, controls: [preset, steps, amount] };
  }

  /* ---- words ---- */

  function status() {
    const el = html("p", { class: "pe-status", role: "status" });
    return { el, say: (text) => { if (el.textContent !== text) el.textContent = text; } };
  }

  function numbers(names) {
    const cells = new Map(names.map((name) => [name, html("dd", { text: "–" })]));
    const pairs = names.map((name) => html("div", {}, html("dt", { text: name }), cells.get(name)));
    const el = html("dl", { class: "pe-numbers" }, ...pairs);
    const set = (values) => {
      for (const [name, value] of Object.entries(values)) {
        if (!cells.has(name)) throw new Error(`no number is called "${name}"`);
        cells.get(name).textContent = typeof value === "number" ? number(value) : value;
      }
    };
    return { el, set };
  }

  const colors = Object.fromEntries(HUES.map((hue) => [hue, `var(--pe-${hue})`]));
  for (const role of ["text", "background", "border", "muted", "surface"]) colors[`${role}Color`] = `var(--pe-${role})`;
  colors.text = Object.fromEntries(HUES.map((hue) => [hue, `var(--pe-${hue}-text)`]));

  return { svg, html, clear, controls, picture, number, percent, times, plural, linear, log, ticks, axis,
    slider, stepper, choice, toggle, button, play, bars, status, numbers, colors, clamp };
})();
