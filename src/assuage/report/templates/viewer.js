(async () => {
  const box = document.getElementById("viewer");
  if (!box || typeof niivue === "undefined") return;
  if (!document.createElement("canvas").getContext("webgl2")) return;
  const data = JSON.parse(document.getElementById("viewer-data").textContent);
  const byId = (id) => document.getElementById(id);
  box.hidden = false;
  const nv = new niivue.Niivue({
    backColor: [0, 0, 0, 1], crosshairColor: [0.94, 0.47, 0.13, 0.9], crosshairWidth: 0.7, fontColor: [1, 1, 1, 1],
    fontMinPx: 12, fontSizeScaling: 0.3, show3Dcrosshair: true, clipPlaneColor: [0.3, 0.33, 0.37, 0], dragAndDropEnabled: false, isColorbar: false, logLevel: "error",
    loadingText: "",
  });
  const load = (entry, name, options) =>
    niivue.NVImage.loadFromBase64({ base64: entry.base64, name: name + ".nii.gz", ...options });
  try {
    await nv.attachToCanvas(byId("viewer-canvas"));
    if (data.anatomy) nv.addVolume(await load(data.anatomy, "anatomy", { colormap: "gray" }));
    nv.addColormap("target", { R: [0, 240, 240], G: [0, 120, 120], B: [0, 32, 32], A: [0, 255, 255], I: [0, 1, 255] });
    nv.setMultiplanarPadPixels(4);
  } catch (error) {
    box.hidden = true;
    return;
  }
  document.body.classList.add("viewer-on");
  let field = null, marked = null, entry = null;

  const toTarget = () => {
    nv.scene.crosshairPos = nv.mm2frac(data.target_mm);
    nv.createOnLocationChange();
    nv.drawScene();
  };
  const threshold = () => (byId("viewer-threshold").value / 100) * entry.high;
  const show = async () => {
    entry = data.fields[byId("viewer-field").value];
    for (const old of [marked, field]) if (old) nv.removeVolume(old);
    field = await load(entry, "field", { colormap: "viridis", cal_min: threshold(), cal_max: entry.high, opacity: byId("viewer-opacity").value / 100 });
    nv.addVolume(field);
    if (data.target) {
      marked = await load(data.target, "target", { colormap: "target", cal_min: 0.5, cal_max: 1.0, opacity: 1 });
      nv.addVolume(marked);
    }
    byId("viewer-low").textContent = "0";
    byId("viewer-high").textContent = entry.high_text;
    byId("viewer-unit").textContent = entry.unit;
    toTarget();
  };
  nv.onLocationChange = (where) => {
    const at = Array.from(where.mm).slice(0, 3).map((x) => x.toFixed(0)).join(", ");
    const value = field ? where.values.find((v) => v.id === field.id) : null;
    byId("viewer-where").textContent = `x, y, z = ${at} mm` + (value ? `; field ${Number(value.value).toPrecision(3)} ${entry.unit}` : "");
  };
  const views = { planes: nv.sliceTypeMultiplanar, axial: nv.sliceTypeAxial, coronal: nv.sliceTypeCoronal, sagittal: nv.sliceTypeSagittal, render: nv.sliceTypeRender };
  byId("viewer-field").onchange = show;
  byId("viewer-view").onchange = (event) => {
    nv.setSliceType(views[event.target.value]);
    nv.setClipPlane(event.target.value === "render" ? data.clip : [2, 0, 0]);
  };
  byId("viewer-home").onclick = toTarget;
  byId("viewer-opacity").oninput = (event) => { field.opacity = event.target.value / 100; nv.updateGLVolume(); };
  byId("viewer-threshold").oninput = () => { field.cal_min = threshold(); nv.updateGLVolume(); };
  nv.setSliceType(views.planes);
  await show();
  document.body.dataset.viewer = "ready";
})();
