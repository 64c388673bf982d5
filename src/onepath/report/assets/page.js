// Crosshair, selectors, sorting, theme. The page is complete without any of it.
"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const make = (tag, style, parent) => {
    const node = document.createElement(tag);
    node.className = style;
    if (parent) parent.append(node);
    return node;
  };

  // Theme: what the reader chose, else what the URL says (#dark, #light), else what the system has.
  const recall = () => { try { return localStorage.getItem("onepath-theme"); } catch { return null; } };
  const keep = (theme) => { try { localStorage.setItem("onepath-theme", theme); } catch { /* a file may not remember */ } };
  const system = matchMedia("(prefers-color-scheme: dark)");
  const named = ["dark", "light"].find((theme) => location.hash === "#" + theme);
  const current = () => root.dataset.theme || (system.matches ? "dark" : "light");
  const button = document.getElementById("theme");
  const label = () => { button.textContent = current() === "dark" ? "Light" : "Dark"; };
  const chosen = named || recall();
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = current() === "dark" ? "light" : "dark";
    keep(root.dataset.theme);
    label();
  });
  system.addEventListener("change", label);
  label();

  // Panels: one of a group is shown.
  const show = (group, name) => all(`[data-group="${group}"]`).forEach((panel) => { panel.hidden = panel.dataset.name !== name; });
  all("select[data-shows]").forEach((select) => {
    select.addEventListener("change", () => show(select.dataset.shows, select.value));
    show(select.dataset.shows, select.value);
  });
  all(".segment").forEach((segment) => segment.addEventListener("click", (event) => {
    const pressed = event.target.closest("button");
    if (!pressed) return;
    all("button", segment).forEach((other) => other.setAttribute("aria-pressed", String(other === pressed)));
    show(segment.dataset.shows, pressed.value);
  }));

  // Tables: a click on a heading sorts, a second one turns the order.
  const worth = (cell) => {
    if (cell.dataset.v !== undefined) return Number(cell.dataset.v);
    const number = Number(cell.textContent.replace("−", "-").replace(/[^0-9.eE-]/g, ""));
    return cell.classList.contains("text") || Number.isNaN(number) ? cell.textContent : number;
  };
  all("table.sorts").forEach((table) => all("thead th", table).forEach((heading, column) => {
    const press = make("button", "", null);
    press.textContent = heading.textContent;
    heading.replaceChildren(press);
    press.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") !== "descending";
      all("thead th", table).forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = all("tbody tr", table).map((row) => [worth(row.cells[column]), row]);
      rows.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1));
      table.tBodies[0].append(...rows.map(([, row]) => row));
    });
  }));

  // Charts: the values at the pointer, or at the place the arrow keys have reached.
  const grouped = (value, places) => value.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
  const minus = (text) => text.replace("-", "−");
  const write = (value, data) => {
    if (value === null) return "–";
    if (data.unit === "share") return minus(grouped(value * 100, 2) + "%");
    if (data.unit === "money") return (value < 0 ? "−" : "") + data.sign + grouped(Math.abs(value), 2);
    if (data.unit === "ratio") return minus(grouped(value, 2));
    return value.toLocaleString("en-US", { maximumSignificantDigits: 7 });
  };
  const chart = (box) => {
    const plot = box.querySelector(".plot");
    let data, cross, tip, dots, place;
    const open = () => {
      data = JSON.parse(box.querySelector("script").textContent);
      let sum = 0;
      data.t = data.t.map((step) => (sum += step));
      cross = make("div", "cross", box);
      dots = data.series.map(([, style]) => make("div", "dot " + style, box));
      tip = make("div", "tip", box);
    };
    const nearest = (time) => {
      let low = 0, high = data.t.length - 1;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (data.t[middle] < time) low = middle; else high = middle;
      }
      return time - data.t[low] < data.t[high] - time ? low : high;
    };
    const height = (value) => {
      const [low, high, log] = data.range;
      return log ? 1 - Math.log(value / low) / Math.log(high / low) : 1 - (value - low) / (high - low);
    };
    const point = (index) => {
      const { t, series } = data;
      const area = plot.getBoundingClientRect(), outer = box.getBoundingClientRect();
      const x = area.left - outer.left + (area.width * (t[index] - t[0])) / (t[t.length - 1] - t[0]);
      place = index;
      [cross, tip, ...dots].forEach((node) => { node.hidden = false; });
      cross.style.left = x + "px";
      tip.replaceChildren();
      make("time", "", tip).textContent = new Date(t[index] * 1000).toISOString().slice(0, data.day ? 10 : 16).replace("T", " ");
      series.forEach(([name, , values], i) => {
        const row = make("div", "", tip);
        make("span", "soft", row).textContent = name;
        make("b", "", row).textContent = write(values[index], data);
        dots[i].hidden = values[index] === null;
        dots[i].style.left = x + "px";
        dots[i].style.top = area.top - outer.top + area.height * height(values[index]) + "px";
      });
      tip.style.left = (x + tip.offsetWidth + 16 < outer.width ? x + 12 : Math.max(0, x - tip.offsetWidth - 12)) + "px";
    };
    const at = (event) => {
      if (!data) open();
      const area = plot.getBoundingClientRect(), { t } = data;
      point(nearest(t[0] + ((event.clientX - area.left) / area.width) * (t[t.length - 1] - t[0])));
    };
    const leave = () => { if (data) [cross, tip, ...dots].forEach((node) => { node.hidden = true; }); };
    box.addEventListener("pointermove", at);
    box.addEventListener("pointerdown", at);
    box.addEventListener("pointerleave", leave);
    box.addEventListener("blur", leave);
    box.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      if (!data) open();
      const end = data.t.length - 1;
      point(Math.min(end, Math.max(0, (place ?? end) + step * (event.shiftKey ? 20 : 1))));
    });
  };
  all(".chart").forEach(chart);
})();
