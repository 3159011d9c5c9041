"use strict";
(() => {
  const MINUTE = 60000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
  const TIME_STEPS = [1, 2, 5, 10, 15, 30].map((n) => n * MINUTE).concat(
    [1, 2, 3, 6, 12].map((n) => n * HOUR), [1, 2, 7, 14, 28, 91, 182, 364].map((n) => n * DAY));
  const byId = (id) => document.getElementById(id);
  let shown = null;      // the newest status
  let answered = null;   // when it came, on this machine's clock
  let pointer = null;    // where on the chart the pointer is, in pixels

  function make(name, words, className) {
    const element = document.createElement(name);
    if (words !== undefined) element.textContent = words;
    if (className) element.className = className;
    return element;
  }

  function draw(name, parent, attributes, words) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (words !== undefined) element.textContent = words;
    parent.append(element);
    return element;
  }

  const two = (number) => String(number).padStart(2, "0");
  function clock(ms) { const t = new Date(ms); return `${two(t.getUTCHours())}:${two(t.getUTCMinutes())}`; }
  function day(ms) { const t = new Date(ms); return `${two(t.getUTCMonth() + 1)}-${two(t.getUTCDate())}`; }
  function money(value, digits = 2) {
    return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }

  function showNotices(notices) {
    const place = byId("notices");
    const same = notices.map((notice) => notice.text).join("\n") === [...place.children].map((child) => child.textContent).join("\n");
    if (!same) place.replaceChildren(...notices.map((notice) => make("div", notice.text, `banner ${notice.tone}`)));
  }

  function showReadings(readings) {
    const place = byId("readings");
    for (const reading of readings) {
      let card = byId(`reading-${reading.key}`);
      if (!card) {
        card = make("div", undefined, "number");
        card.id = `reading-${reading.key}`;
        card.append(make("div", reading.label, "label"), make("div"), make("div", "", "note"));
        place.append(card);
      }
      const [, value, note] = card.children;
      value.className = reading.tone ? `value ${reading.tone}-text` : "value";
      value.textContent = reading.text;
      note.textContent = reading.note;
    }
  }

  function showIncidents(incidents, count) {
    byId("incident-count").textContent = count === 0 ? "none" : count > incidents.length ? `the newest ${incidents.length} of ${count}` : "";
    byId("incident-table").hidden = count === 0;
    byId("incidents").replaceChildren(...incidents.map((cells) => {
      const row = make("tr");
      row.append(...cells.map((cell) => make("td", cell, "word")));
      return row;
    }));
  }

  function valueSteps(low, high, most) {
    const rough = (high - low) / most, size = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((n) => n * size).find((n) => n >= rough);
    const first = Math.floor(low / step), count = Math.ceil(high / step) - first + 1;
    const steps = Array.from({ length: count }, (_, n) => (first + n) * step);  // a labelled line above and below
    return { steps, digits: Math.max(0, -Math.floor(Math.log10(step))) };
  }

  function scaleOf(points, start, width, height) {
    const values = points.map((point) => point[1]).concat(start);
    const least = Math.min(...values), most = Math.max(...values);
    const spare = (most - least) * 0.06 || Math.abs(most) * 0.001 || 1;
    const { steps, digits } = valueSteps(least - spare, most + spare, 5);
    const low = steps[0], high = steps[steps.length - 1];
    const left = 14 + 7.2 * Math.max(...steps.map((step) => money(step, digits).length));
    const box = { left, right: width - 10, top: 8, bottom: height - 24, steps, digits };
    const first = points[0][0], span = points[points.length - 1][0] - first || 1;
    box.x = (ms) => left + (ms - first) / span * (box.right - left);
    box.y = (value) => box.bottom - (value - low) / (high - low) * (box.bottom - box.top);
    box.first = first;
    box.span = span;
    return box;
  }

  function drawAxes(svg, box, start) {
    for (const step of box.steps) {
      const y = box.y(step);
      draw("line", svg, { class: "grid", x1: box.left, x2: box.right, y1: y, y2: y });
      draw("text", svg, { x: box.left - 6, y: y + 4, "text-anchor": "end" }, money(step, box.digits));
    }
    const most = Math.max(2, Math.floor((box.right - box.left) / 64));
    const step = TIME_STEPS.find((length) => box.span / length <= most) || 364 * DAY;
    for (let ms = Math.ceil(box.first / step) * step; ms <= box.first + box.span; ms += step) {
      const x = Math.min(Math.max(box.x(ms), box.left + 16), box.right - 16);
      draw("text", svg, { x, y: box.bottom + 17, "text-anchor": "middle" }, ms % DAY === 0 ? day(ms) : clock(ms));
    }
    draw("line", svg, { class: "start", x1: box.left, x2: box.right, y1: box.y(start), y2: box.y(start) });
  }

  function drawPointer(svg, box, points, quote, start) {
    let chosen = points[points.length - 1];
    if (pointer !== null) {
      const ms = box.first + (pointer - box.left) / (box.right - box.left) * box.span;
      chosen = points.reduce((best, point) => Math.abs(point[0] - ms) < Math.abs(best[0] - ms) ? point : best);
      draw("line", svg, { class: "cross", x1: box.x(chosen[0]), x2: box.x(chosen[0]), y1: box.top, y2: box.bottom });
    }
    draw("circle", svg, { class: "dot", cx: box.x(chosen[0]), cy: box.y(chosen[1]), r: 3.5 });
    const gain = start ? `${chosen[1] < start ? "−" : "+"}${Math.abs(100 * (chosen[1] / start - 1)).toFixed(2)} %` : "";
    byId("readout").textContent = `${day(chosen[0])} ${clock(chosen[0])} UTC: ${money(chosen[1])} ${quote} (${gain}). Dashed: the start.`;
  }

  function drawChart() {
    const place = byId("chart"), width = place.clientWidth;
    if (!shown || !shown.ready || width === 0) return;
    const points = shown.curve.map(([ms, equity]) => [ms, Number(equity)]), start = Number(shown.start);
    if (points.length === 0) {
      place.replaceChildren();
      byId("readout").textContent = "No candle has closed since the start.";
      return;
    }
    const height = width < 640 ? 220 : 300, box = scaleOf(points, start, width, height);
    const svg = draw("svg", document.createDocumentFragment(), { viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": "Equity over time" });
    const path = points.map(([ms, value]) => `${box.x(ms).toFixed(1)},${box.y(value).toFixed(1)}`).join("L");
    const floor = box.y(start).toFixed(1);
    draw("path", svg, { class: "area", d: `M${box.left.toFixed(1)},${floor}L${path}L${box.right.toFixed(1)},${floor}Z` });
    drawAxes(svg, box, start);
    draw("path", svg, { class: "line", d: `M${path}` });
    drawPointer(svg, box, points, shown.quote, start);
    place.replaceChildren(svg);
  }

  function show(status) {
    shown = status;
    answered = Date.now();
    document.documentElement.classList.remove("lost");
    byId("link").dataset.state = status.ready ? "live" : "asking";
    byId("link").textContent = status.ready ? "up to date" : "waiting";
    byId("body").hidden = !status.ready;
    if (!status.ready) {
      showNotices([{ text: status.message, tone: "warn" }]);
      return;
    }
    byId("title").textContent = status.title;
    byId("now").textContent = status.now;
    document.title = `${status.readings.find((reading) => reading.key === "profit").note} · ${status.title}`;
    showNotices(status.notices);
    showReadings(status.readings);
    showIncidents(status.incidents, status.incident_count);
    drawChart();
  }

  function lost() {
    document.documentElement.classList.add("lost");
    byId("link").dataset.state = "lost";
    const since = answered === null ? "" : ` for ${Math.round((Date.now() - answered) / 1000)} s`;
    byId("link").textContent = `no answer${since}: the program that serves this page has stopped`;
  }

  async function poll() {
    try {
      const reply = await fetch("/status.json", { cache: "no-store", signal: AbortSignal.timeout(5000) });
      if (!reply.ok) throw new Error(`status ${reply.status}`);
      show(await reply.json());
    } catch {
      lost();
    } finally {
      setTimeout(poll, 1000);
    }
  }

  byId("chart").addEventListener("pointermove", (event) => {
    pointer = event.clientX - byId("chart").getBoundingClientRect().left;
    drawChart();
  });
  byId("chart").addEventListener("pointerleave", () => {
    pointer = null;
    drawChart();
  });
  new ResizeObserver(drawChart).observe(byId("chart"));
  poll();
})();
