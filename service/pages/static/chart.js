"use strict";
// The curve to look into: hover for numbers, drag for a closer look, curve models on demand. The still picture of the
// page is made by the server and stays where this cannot run, and in print.

(() => {
  const holder = document.getElementById("chart");
  if (!holder || typeof uPlot === "undefined") return;
  const picture = document.getElementById("picture");
  const note = document.getElementById("chart-note");
  const toggle = document.getElementById("chart-switch");
  const STRIP = 46; // pixels under the curve for the density of the turn
  const SERIES = ["u_shaped", "inverse", "positive", "inverted_u", "ink", "flat"];
  const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];
  const shown = new Set();
  let data = null;
  let plot = null;

  const colour = (token) => getComputedStyle(document.documentElement).getPropertyValue(`--${token}`).trim();
  const faded = (token, share) => {
    const hex = colour(token).replace("#", "");
    const [r, g, b] = [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16));
    return `rgba(${r},${g},${b},${share})`;
  };
  const scoreText = (value) => (value == null ? "" : data.percent ? `${+(100 * value).toPrecision(3)} %` : String(+value.toPrecision(4)));
  const tokenOf = (curve, place) => (data.curves.length > 1 ? SERIES[place % SERIES.length] : curve.shape);

  // All curves on the union of their scales; what is not given there is null.
  const table = () => {
    const grids = [...data.curves.map((curve) => curve.grid), ...models().map((model) => model.grid)];
    const scales = [...new Set(grids.flatMap((grid) => grid.scales))].sort((a, b) => a - b);
    const place = new Map(scales.map((scale, at) => [scale, at]));
    const column = (grid, name) => {
      const values = new Array(scales.length).fill(null);
      grid.scales.forEach((scale, at) => (values[place.get(scale)] = grid[name][at]));
      return values;
    };
    const columns = [scales];
    for (const grid of grids) for (const name of ["upper", "lower", "estimate"]) columns.push(column(grid, name));
    return columns;
  };

  const models = () => (data.models || []).filter((model) => shown.has(model.name));

  const ranges = () => {
    const ys = data.curves.flatMap((curve) => [
      ...curve.grid.lower, ...curve.grid.upper,
      ...curve.points.flatMap((point) => [point.score, point.lower ?? point.score, point.upper ?? point.score]),
    ]);
    const xs = data.curves.flatMap((curve) => curve.points.map((point) => point.scale));
    const [low, high] = [Math.min(...ys), Math.max(...ys)];
    const margin = 0.05 * (high - low || 1);
    const stretch = (Math.max(...xs) / Math.min(...xs)) ** 0.03;
    return { x: [Math.min(...xs) / stretch, Math.max(...xs) * stretch], y: [low - margin, high + margin] };
  };

  const drawPoints = (u) => {
    const { ctx } = u;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
    ctx.clip();
    data.curves.forEach((curve, at) => {
      ctx.strokeStyle = ctx.fillStyle = data.curves.length > 1 ? colour(tokenOf(curve, at)) : colour("ink");
      ctx.lineWidth = 1.2 * ratio;
      for (const point of curve.points) {
        const x = u.valToPos(point.scale, "x", true);
        const y = u.valToPos(point.score, "y", true);
        ctx.beginPath();
        if (point.lower != null && point.upper != null) {
          ctx.moveTo(x, u.valToPos(point.lower, "y", true));
          ctx.lineTo(x, u.valToPos(point.upper, "y", true));
          ctx.stroke();
        }
        ctx.beginPath();
        ctx.arc(x, y, 3.6 * ratio, 0, 2 * Math.PI);
        ctx.fill();
      }
    });
    ctx.restore();
  };

  const drawChance = (u) => {
    if (data.chance == null) return;
    const { ctx } = u;
    const y = u.valToPos(data.chance, "y", true);
    if (y < u.bbox.top || y > u.bbox.top + u.bbox.height) return;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colour("faint");
    ctx.setLineDash([5, 4]);
    ctx.beginPath();
    ctx.moveTo(u.bbox.left, y);
    ctx.lineTo(u.bbox.left + u.bbox.width, y);
    ctx.stroke();
    ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textAlign = "right";
    ctx.fillText("chance", u.bbox.left + u.bbox.width - 4, y - 4 * devicePixelRatio);
    ctx.restore();
  };

  const drawTurns = (u) => {
    const turns = data.turns || [];
    if (!turns.length) return;
    const { ctx } = u;
    const ratio = devicePixelRatio;
    const bottom = u.bbox.top + u.bbox.height + (STRIP + 44) * ratio;
    const most = Math.max(...turns.flatMap((turn) => turn.density));
    ctx.save();
    ctx.beginPath();
    ctx.rect(u.bbox.left, bottom - STRIP * ratio, u.bbox.width, (STRIP + 2) * ratio);
    ctx.clip();
    for (const turn of turns) {
      ctx.beginPath();
      turn.scales.forEach((scale, at) => {
        const y = bottom - (turn.density[at] / most) * (STRIP - 6) * ratio;
        const x = u.valToPos(scale, "x", true);
        if (at === 0) ctx.moveTo(x, bottom);
        ctx.lineTo(x, y);
        if (at === turn.scales.length - 1) ctx.lineTo(x, bottom);
      });
      ctx.fillStyle = faded(turn.shape, 0.3);
      ctx.strokeStyle = colour(turn.shape);
      ctx.fill();
      ctx.stroke();
    }
    ctx.restore();
    ctx.save();
    ctx.fillStyle = colour("faint");
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.fillText("where it turns", u.bbox.left + 2, bottom + 13 * ratio);
    ctx.restore();
  };

  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;

  const showTip = (u) => {
    const { left, top } = u.cursor;
    let best = null;
    if (left >= 0 && top >= 0) {
      for (const curve of data.curves) {
        for (const point of curve.points) {
          const distance = Math.hypot(u.valToPos(point.scale, "x") - left, u.valToPos(point.score, "y") - top);
          if (distance < 18 && (!best || distance < best.distance)) best = { distance, point, curve };
        }
      }
    }
    tip.hidden = !best;
    if (!best) return;
    const { point } = best;
    tip.textContent = "";
    const ends = point.lower == null ? "" : ` (${scoreText(point.lower)} to ${scoreText(point.upper)})`;
    const lines = [point.name, `${scoreText(point.score)}${ends}`, `${point.examples} examples`];
    if (data.curves.length > 1) lines.unshift(best.curve.name);
    for (const line of lines) tip.append(Object.assign(document.createElement("div"), { textContent: line }));
    const right = left > u.over.clientWidth / 2;
    tip.style.left = right ? "" : `${left + 14}px`;
    tip.style.right = right ? `${u.over.clientWidth - left + 14}px` : "";
    tip.style.top = `${Math.max(0, top - 20)}px`;
  };

  const options = () => {
    const turns = (data.turns || []).length > 0;
    const width = holder.clientWidth - 16;
    const series = [{ label: data.axis, value: (u, v) => (v == null ? "" : scaleText(v)) }];
    const bands = [];
    const add = (name, token, dash, width, strong) => {
      const at = series.length;
      const hidden = { stroke: "transparent", width: 0, points: { show: false }, spanGaps: true, label: "" };
      series.push({ ...hidden, label: `${name}, upper`, class: "end" }, { ...hidden, label: `${name}, lower`, class: "end" });
      series.push({
        label: name, stroke: colour(token), width, dash, points: { show: false }, spanGaps: true,
        value: (u, v) => scoreText(v),
      });
      bands.push({ series: [at, at + 1], fill: faded(token, strong ? 0.2 : 0.1) });
    };
    data.curves.forEach((curve, at) => {
      const name = data.curves.length > 1 ? `${at + 1} ${curve.name}` : "averaged curve";
      add(name, tokenOf(curve, at), curve.dashed ? [6, 4] : DASHES[Math.floor(at / SERIES.length) % DASHES.length], 2.2, true);
    });
    models().forEach((model, at) => {
      const words = document.querySelector(`[data-model="${CSS.escape(model.name)}"]`);
      add(`${words ? words.parentElement.textContent.trim() : model.name} ${model.words}`, SERIES[(at + 4) % SERIES.length], DASHES[(at + 1) % DASHES.length], 1.6, false);
    });
    const { x, y } = ranges();
    const font = "12px system-ui, sans-serif";
    return {
      width,
      height: Math.max(300, Math.min(460, width * 0.58)) + (turns ? STRIP + 18 : 0),
      series, bands,
      padding: [14, 16, turns ? STRIP + 18 : 0, 0],
      scales: { x: { time: false, distr: 3, range: (u, lo, hi) => (lo === plotFirst(u) ? x : [lo, hi]) }, y: { range: () => y } },
      axes: [
        {
          stroke: colour("faint"), font, grid: { show: false }, ticks: { stroke: colour("grid"), size: 5 }, size: 42,
          splits: (u) => spread(u, width), filter: (u, splits) => splits,
          values: (u, splits) => splits.map((split) => scaleText(split)), label: data.axis, labelFont: font, labelSize: 18,
        },
        {
          stroke: colour("faint"), font, grid: { stroke: colour("grid"), width: 1 }, ticks: { show: false },
          values: (u, splits) => splits.map(scoreText), size: 58,
        },
      ],
      legend: { live: true, markers: { width: 2 } },
      cursor: { drag: { x: true, y: false }, points: { show: false } },
      hooks: { drawSeries: [], draw: [drawChance, drawPoints, drawTurns], setCursor: [showTip], ready: [(u) => u.over.append(tip)] },
    };
  };

  const plotFirst = (u) => u.data[0][0];
  const scaleText = (value) => {
    const known = data.marks.find(([scale]) => Math.abs(Math.log(scale / value)) < 1e-9);
    if (known) return known[1];
    const suffix = [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "K"]].find(([size]) => value >= size);
    if (/FLOP|^scale$/.test(data.axis) || !suffix) return value.toPrecision(2);
    return `${+(value / suffix[0]).toPrecision(3)}${suffix[1]}`;
  };

  // Ticks at the models themselves, as many as there is room for; the first and the last always.
  const spread = (u, width) => {
    const { min, max } = u.scales.x;
    const inside = data.marks.map(([scale]) => scale).filter((scale) => scale >= min && scale <= max);
    const least = (Math.log(max / min) * 58) / width;
    const kept = [];
    inside.forEach((scale, at) => {
      const last = kept[kept.length - 1];
      const room = last === undefined || Math.log(scale / last) >= least;
      const end = at === inside.length - 1 || Math.log(inside[inside.length - 1] / scale) >= least;
      if (room && end) kept.push(scale);
    });
    return kept;
  };

  const draw = () => {
    if (plot) plot.destroy();
    plot = new uPlot(options(), table(), holder);
    plot.root.querySelectorAll(".u-series.end").forEach((row) => row.remove());
  };

  const start = (found) => {
    data = found;
    holder.hidden = false;
    if (picture) picture.hidden = true;
    note.hidden = false;
    holder.setAttribute("role", "img");
    holder.setAttribute("aria-label", `${data.curves.length > 1 ? "Curves" : "Curve"} of ${data.metric} against ${data.axis}; the tables of this page have the numbers`);
    draw();
    document.querySelectorAll("[data-model]").forEach((box) => {
      box.hidden = false;
      box.addEventListener("change", () => {
        if (box.checked) shown.add(box.dataset.model);
        else shown.delete(box.dataset.model);
        draw();
      });
    });
    const words = document.getElementById("models-note");
    if (words) words.hidden = false;
    let width = holder.clientWidth;
    new ResizeObserver(() => {
      if (!holder.hidden && Math.abs(holder.clientWidth - width) > 4) {
        width = holder.clientWidth;
        draw();
      }
    }).observe(holder);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    holder.dataset.drawn = "yes";
  };

  if (toggle && picture) {
    toggle.addEventListener("click", () => {
      holder.hidden = !holder.hidden;
      picture.hidden = !holder.hidden;
      toggle.textContent = holder.hidden ? "Show the picture to look into" : "Show the still picture";
    });
  }
  const given = document.getElementById("chart-data");
  if (given) {
    start(JSON.parse(given.textContent));
  } else {
    fetch(holder.dataset.chart).then((answer) => (answer.ok ? answer.json() : null)).then((found) => found && start(found)).catch(() => {});
  }
})();
