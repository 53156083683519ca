// The series and labels that a PromQL expression names: enough of the language for our own dashboard and alerts.

export interface SeriesUse {
  readonly name: string;
  /** Labels of its matchers. */
  readonly labels: readonly string[];
}

export interface ExpressionUse {
  readonly series: readonly SeriesUse[];
  /** Labels of `by`, `without`, `on`, `ignoring` and `group_left`. */
  readonly grouping: readonly string[];
}

const KEYWORDS: ReadonlySet<string> = new Set(['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan']);

/** @param expression Grafana's variables may stand in it */
export function usesOf(expression: string): ExpressionUse {
  const unquoted = expression.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
  const grouping: string[] = [];
  const flat = unquoted
    .replaceAll(/\[[^\]]*\]/g, '') // durations
    .replaceAll(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g, (_, list: string) => {
      grouping.push(...list.split(',').map((label) => label.trim()));
      return '';
    });
  const series = [...flat.matchAll(/(?<![\w$.])([a-zA-Z_:][\w:]*)\b(?!\s*\()(?:\{([^}]*)\})?/g)]
    .filter(([, name]) => !KEYWORDS.has(name!.toLowerCase()))
    .map(([, name, matchers]) => ({
      name: name!,
      labels: [...(matchers ?? '').matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map((match) => match[1]!),
    }))
    .filter(({ name }) => !isInsideMatcher(flat, name));
  return { series, grouping: grouping.filter((label) => label !== '') };
}

/** A label's name, which stands before an operator inside braces. */
function isInsideMatcher(flat: string, name: string): boolean {
  const outside = flat.replaceAll(/\{[^}]*\}/g, '');
  return !new RegExp(`(?<![\\w$])${name}\\b`).test(outside);
}
