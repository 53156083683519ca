"""Writes workers/tokenizer/unicode-tables.ts: character classes as the Rust tokenizers wheel sees them.

Every code point is shown to the wheel's own stages, so that the tables hold whatever Unicode versions were compiled in.
Needs Python 3.11 (Unicode 14), tokenizers==0.22.2 and unicodedata2 (newest Unicode); takes about three minutes.
Run from the repository root: python test/workers/tokenizer/make-unicode-tables.py
"""

import unicodedata as old_unicode

import unicodedata2 as new_unicode
from tokenizers import Regex
from tokenizers import normalizers as N
from tokenizers import pre_tokenizers as P

TARGET = "workers/tokenizer/unicode-tables.ts"
CODES = [code for code in range(1, 0x110000) if not 0xD800 <= code <= 0xDFFF]
CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co Cn".split()
FORMS = {"NFC": N.NFC(), "NFD": N.NFD(), "NFKC": N.NFKC(), "NFKD": N.NFKD()}

DOCS = {
    "removed": "Characters the BERT normaliser drops when it cleans text (control, format and private use, plus U+FFFD).",
    "punct": "What counts as punctuation for the BERT and Punctuation pre-tokenizers: ASCII symbols and general category P of Unicode 8.",
    "mn": "Non-spacing marks that BERT accent stripping removes.",
    "combining": "Marks that the StripAccents normaliser removes.",
    "numeric": "What the Digits pre-tokenizer calls a digit.",
    "word": "`\\w` of the Whitespace pre-tokenizer and of single-word added tokens.",
    "inert": "Characters newer than the Unicode 9 normalisation tables of the reference: it neither composes nor reorders them.",
    "letter": "`\\p{L}` of the regex engine behind byte-level and Split pre-tokenizers.",
    "number": "`\\p{N}` of the same engine.",
}


def where(condition):
    return [code for code in CODES if condition(chr(code))]


def removed_by(normalizer):
    return where(lambda char: normalizer.normalize_str(f"a{char}b") == "ab")


def split_by(pre_tokenizer):
    return where(lambda char: len(pre_tokenizer.pre_tokenize_str(f"a{char}b")) > 1)


def is_inert(char):
    """Whether newer Unicode maps, composes or reorders a character that the reference leaves alone."""
    if not new_unicode.combining(char) and not new_unicode.decomposition(char):
        return False
    if any(stage.normalize_str(char) != new_unicode.normalize(form, char) for form, stage in FORMS.items()):
        return True
    # U+0334 has the lowest combining class and U+0345 the highest: a mark must change places with one of them.
    probes = [f"a{char}\u0334", f"a\u0345{char}"] if new_unicode.combining(char) else []
    return any(FORMS["NFD"].normalize_str(text) != new_unicode.normalize("NFD", text) for text in probes)


def inert():
    codes = set(where(is_inert))
    for code in list(codes):
        parts = new_unicode.decomposition(chr(code)).split()
        if parts and not parts[0].startswith("<"):
            codes.update(int(part, 16) for part in parts if int(part, 16) > 0x3000)
    return sorted(codes)


def classes(categories):
    whitespace = P.Whitespace()
    accents = N.BertNormalizer(False, False, True, False)
    decomposes = FORMS["NFD"].normalize_str
    return {
        "removed": removed_by(N.BertNormalizer(True, False, False, False)),
        "punct": split_by(P.Punctuation()),
        "mn": [code for code in removed_by(accents) if decomposes(chr(code)) == chr(code)],
        "combining": removed_by(N.StripAccents()),
        "numeric": split_by(P.Digits(False)),
        "word": where(lambda char: [piece for piece, _ in whitespace.pre_tokenize_str(f"a{char}b")] == [f"a{char}b"]),
        "inert": inert(),
        "letter": [code for code in CODES if categories[code][0] == "L"],
        "number": [code for code in CODES if categories[code][0] == "N"],
    }


def engine_categories():
    categories = {}
    for category in CATEGORIES:
        stage = P.Split(Regex(rf"\p{{{category}}}"), "isolated")
        neighbour = "a" if category == "Cc" else "\0"
        for code in CODES:
            if len(stage.pre_tokenize_str(neighbour + chr(code))) > 1:
                categories[code] = category
    return categories


def deviations(categories):
    found = {}
    for code in CODES:
        known = {old_unicode.category(chr(code)), new_unicode.category(chr(code))}
        if known != {categories[code]}:
            found.setdefault(categories[code], []).append(code)
    return found


def recent_lowercase():
    lower = N.Lowercase().normalize_str
    runs = []
    for code in where(lambda char: lower(char) != char.lower()):
        distance = ord(lower(chr(code))) - code
        if runs and runs[-1][1] + 1 == code and runs[-1][2] == distance:
            runs[-1][1] = code
        else:
            runs.append([code, code, distance])
    return runs


def base36(number):
    digits = ""
    while True:
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36] + digits
        number //= 36
        if number == 0:
            return digits


def table(codes):
    """Gives `start[+length],...`, starts as distances from the end of the range before."""
    ranges = []
    for code in codes:
        if ranges and ranges[-1][1] + 1 == code:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    items, end = [], 0
    for first, last in ranges:
        items.append(base36(first - end) + ("" if first == last else "+" + base36(last - first)))
        end = last
    return ",".join(items)


def literal(text):
    if len(text) <= 100:
        return f"'{text}'"
    lines = [text[at : at + 110] for at in range(0, len(text), 110)]
    return "[\n" + "".join(f"    '{line}',\n" for line in lines) + "  ].join('')"


def main():
    categories = engine_categories()
    lines = [
        "// Character classes as the Rust tokenizers 0.22.2 wheel sees them, probed code point by code point; data only. Only unicode.ts imports it.",
        "// Each table is `start[+length],...` in base 36, starts as distances from the end of the range before. Made by test/workers/tokenizer/make-unicode-tables.py.",
        "",
        "export const CLASS_TABLES = {",
    ]
    for name, codes in classes(categories).items():
        lines += [f"  /** {DOCS[name]} */", f"  {name}: {literal(table(codes))},"]
    lines += ["} as const;", ""]
    lines.append("/** General category -> code points that the regex engine of the reference puts there and an older or newer V8 may not. */")
    lines.append("export const CATEGORY_DEVIATIONS = {")
    lines += [f"  {category}: {literal(table(codes))}," for category, codes in sorted(deviations(categories).items())]
    lines += ["} as const;", ""]
    lines.append("/** Lower-case mappings newer than Unicode 14, `from` runs mapped by a constant distance: [first, last, distance]. */")
    lines.append("export const RECENT_LOWERCASE: readonly (readonly [number, number, number])[] = [")
    lines += [f"  [0x{first:x}, 0x{last:x}, {distance}]," for first, last, distance in recent_lowercase()]
    lines += ["];", ""]
    with open(TARGET, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


if __name__ == "__main__":
    main()
