"""What tests of pages ask of them."""

READY = "() => [...document.querySelectorAll('p.hidden[role=status]')].some(p => p.textContent.trim())"
COUNTING = """
globalThis.drawn = 0; globalThis.uploaded = 0;
const gl = WebGL2RenderingContext.prototype;
for (const name of ["drawArrays", "drawElements", "drawArraysInstanced", "drawElementsInstanced"]) {
  const draw = gl[name];
  gl[name] = function (...arguments_) { globalThis.drawn += 1; return draw.apply(this, arguments_); };
}
for (const name of ["bufferData", "bufferSubData"]) {
  const upload = gl[name];
  gl[name] = function (target, a, b, ...more) {
    globalThis.uploaded += (ArrayBuffer.isView(a) ? a : ArrayBuffer.isView(b) ? b : { byteLength: 0 }).byteLength;
    return upload.call(this, target, a, b, ...more);
  };
}
"""
"""Counts what is drawn, and the bytes of geometry that go to the graphics card."""


def at_rest(page):
    """Wait until nothing is drawn any more."""
    page.wait_for_function(
        """() => new Promise(resolve => {
          const before = globalThis.drawn;
          setTimeout(() => resolve(globalThis.drawn === before), 400);
        })"""
    )
