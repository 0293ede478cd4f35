"use strict";
(() => {
  const galleries = JSON.parse(document.getElementById("galleries").textContent);
  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const arrows = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M9 7l-5 5 5 5M15 7l5 5-5 5"/></svg>';

  class Viewer {
    constructor(root, gallery) {
      this.gallery = gallery;
      this.panels = new Map(gallery.panels.map((panel) => [panel.id, panel]));
      this.index = 0;
      this.zoom = 1;
      this.right = this.panels.has(gallery.after) ? gallery.after : gallery.panels[gallery.panels.length - 1].id;
      this.left = this.beside(this.right);
      this.build(root);
      this.show();
      new ResizeObserver(() => this.fit()).observe(this.mat);
    }

    beside(id) {
      const wanted = this.panels.get(id).before;
      if (wanted && this.panels.has(wanted)) return wanted;
      const other = this.gallery.panels.find((panel) => panel.id !== id);
      return other ? other.id : id;
    }

    build(root) {
      const { panels, items } = this.gallery;
      this.picks = [];
      if (panels.length > 1) {
        const row = make("div", "picks");
        for (const side of ["left", "right"]) row.append(this.pick(side));
        if (panels.length > 2) root.append(row);
      }
      this.mat = make("div", "mat");
      this.stage = make("div", "stage");
      this.images = {};
      for (const side of ["right", "left"]) {
        const layer = make("div", `layer ${side}`);
        this.images[side] = make("img");
        this.images[side].draggable = false;
        layer.append(this.images[side]);
        this.stage.append(layer);
      }
      this.tags = { left: make("span", "tag left"), right: make("span", "tag right") };
      this.edge = make("div", "edge");
      const grip = make("div", "grip");
      grip.innerHTML = arrows;
      this.edge.append(grip);
      this.range = make("input");
      Object.assign(this.range, { type: "range", min: 0, max: 100, step: 1, value: 50 });
      this.range.addEventListener("input", () => this.split(this.range.value));
      this.stage.append(this.tags.left, this.tags.right, this.edge, this.range);
      this.stage.addEventListener("pointerdown", (event) => this.drag(event));
      this.stage.addEventListener("pointermove", (event) => this.move(event));
      this.mat.append(this.stage);
      root.append(this.mat, this.caption());
      if (items.length > 1) root.append(this.film());
      root.addEventListener("keydown", (event) => this.key(event));
    }

    pick(side) {
      const group = make("div", "pick");
      group.dataset.side = side;
      group.setAttribute("role", "group");
      group.setAttribute("aria-label", side === "left" ? "Left picture" : "Right picture");
      for (const panel of this.gallery.panels) {
        const button = make("button", "", panel.name);
        button.type = "button";
        button.title = panel.role;
        button.addEventListener("click", () => this.choose(side, panel.id));
        group.append(button);
        this.picks.push({ side, id: panel.id, button });
      }
      return group;
    }

    caption() {
      const row = make("div", "caption");
      const told = make("span");
      this.name = make("b");
      this.about = make("span");
      told.append(this.name, this.about);
      const zooms = make("div", "pick");
      this.zooms = [1, 2, 4, 8].map((factor) => {
        const button = make("button", "", factor === 1 ? "fit" : `${factor}×`);
        button.type = "button";
        button.title = factor === 1 ? "the whole picture" : "the pointer's place is enlarged";
        button.addEventListener("click", () => { this.zoom = factor; this.fit(); });
        zooms.append(button);
        return { factor, button };
      });
      row.append(told, zooms);
      return row;
    }

    film() {
      const strip = make("div", "strip");
      this.frames = this.gallery.items.map((item, index) => {
        const button = make("button");
        button.type = "button";
        button.title = item.key;
        const image = make("img");
        const picture = item.pictures[this.right] || Object.values(item.pictures)[0];
        image.src = this.gallery.sources[picture[0]];
        image.alt = "";
        image.loading = "lazy";
        button.append(image, make("span", "", item.key));
        button.addEventListener("click", () => { this.index = index; this.show(); });
        strip.append(button);
        return button;
      });
      return strip;
    }

    choose(side, id) {
      const other = side === "left" ? "right" : "left";
      if (this[other] === id) this[other] = this[side];
      this[side] = id;
      this.show();
    }

    show() {
      const item = this.gallery.items[this.index];
      const has = (id) => id in item.pictures;
      const right = has(this.right) ? this.right : Object.keys(item.pictures).pop();
      const left = has(this.left) ? this.left : right;
      this.shown = { left: item.pictures[left], right: item.pictures[right] };
      this.alone = left === right;
      for (const [side, id] of [["left", left], ["right", right]]) {
        this.images[side].src = this.gallery.sources[this.shown[side][0]];
        this.images[side].alt = `${this.panels.get(id).name}, ${item.key || "single picture"}`;
        this.tags[side].textContent = this.panels.get(id).name;
      }
      this.stage.classList.toggle("alone", this.alone);
      this.tags.left.hidden = this.edge.hidden = this.range.hidden = this.alone;
      this.range.setAttribute("aria-label", `${this.panels.get(left).name} to the left, ${this.panels.get(right).name} to the right`);
      for (const { side, id, button } of this.picks) {
        button.setAttribute("aria-pressed", String((side === "left" ? left : right) === id));
        button.disabled = !has(id);
      }
      const [, , , width, height] = this.shown.right;
      const place = this.gallery.items.length > 1 ? `, ${this.index + 1} of ${this.gallery.items.length}` : "";
      this.name.textContent = item.key;
      this.about.textContent = `${width} × ${height}${place}`;
      (this.frames || []).forEach((frame, index) => frame.setAttribute("aria-current", String(index === this.index)));
      this.fit();
    }

    fit() {
      const [, width, height] = this.shown.right;
      const room = this.mat.clientWidth;
      const tall = Math.max(320, window.innerHeight * 0.78);
      const scale = Math.min(room / width, tall / height, Math.max(1, 640 / Math.max(width, height)));
      this.stage.style.width = `${Math.round(width * scale)}px`;
      this.stage.style.height = `${Math.round(height * scale)}px`;
      this.stage.style.setProperty("--zoom", this.zoom);
      this.stage.classList.toggle("crisp", scale * this.zoom >= 3);
      this.stage.classList.toggle("zoomed", this.zoom > 1);
      for (const { factor, button } of this.zooms) button.setAttribute("aria-pressed", String(factor === this.zoom));
    }

    split(percent) {
      this.range.value = percent;
      this.stage.style.setProperty("--split", `${percent}%`);
    }

    place(event) {
      const box = this.stage.getBoundingClientRect();
      const part = (value) => 100 * Math.min(1, Math.max(0, value));
      return [part((event.clientX - box.left) / box.width), part((event.clientY - box.top) / box.height)];
    }

    drag(event) {
      if (this.alone || event.button !== 0) return;
      event.preventDefault();
      this.range.focus({ preventScroll: true });
      this.stage.setPointerCapture(event.pointerId);
      // a finger has no place but where it presses: in an enlarged picture it moves the edge only if put near it
      const away = Math.abs(event.clientX - this.edge.getBoundingClientRect().left);
      this.held = event.pointerType !== "touch" || this.zoom === 1 || away < 32;
      this.move(event);
    }

    move(event) {
      const [x, y] = this.place(event);
      if (event.buttons & 1 && !this.alone && this.held) this.split(x);
      else if (this.zoom > 1) {
        this.stage.style.setProperty("--ox", `${x}%`);
        this.stage.style.setProperty("--oy", `${y}%`);
      }
    }

    key(event) {
      const step = { ArrowUp: -1, ArrowDown: 1, PageUp: -1, PageDown: 1 }[event.key];
      if (!step || this.gallery.items.length < 2) return;
      event.preventDefault();
      this.index = (this.index + step + this.gallery.items.length) % this.gallery.items.length;
      this.show();
    }
  }

  for (const root of document.querySelectorAll(".viewer")) new Viewer(root, galleries[Number(root.dataset.gallery)]);
  for (const frame of document.querySelectorAll(".graph-frame")) frame.scrollLeft = (frame.scrollWidth - frame.clientWidth) / 2;
})();
