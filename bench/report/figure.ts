// Pure: a number as pages show it.

/** Three digits are all a shared machine is good for. */
export function figure(value: number): string {
  return value < 1e-3 && value !== 0 ? value.toExponential(0) : String(Number(value.toPrecision(3)));
}
