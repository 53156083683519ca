"""The texts of the oracle: lines to train the tokenizers on, the string table of the fixtures, and the pairs.

Every line here was written for this repository. Invisible and combining characters are spelled as escapes.
"""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

JAPANESE = """東京は日本の首都で、人口は約千四百万人です。
昨日、駅前の新しいラーメン屋さんに行きました。
コンピューターの歴史について教えてください。
この本はとても面白いので、ぜひ読んでみてください。
明日の天気は晴れのち曇りでしょう。
検索エンジンは質問と文書の関連度を計算します。
富士山は標高三千七百七十六メートルの山です。
カタカナとひらがなと漢字を混ぜて書きます。
ｶﾞｷﾞｸﾞ 半角カタカナとＦＵＬＬＷＩＤＴＨの文字。
すもももももももものうち。
データベースのトランザクションとは何ですか？
新幹線で大阪まで二時間半かかります。""".splitlines()

KOREAN = """서울은 대한민국의 수도이며 인구는 약 천만 명입니다.
오늘 점심에는 김치찌개를 먹었습니다.
컴퓨터의 역사에 대해 알려 주세요.
검색 엔진은 질문과 문서의 관련성을 계산합니다.
내일 날씨는 맑다가 흐려지겠습니다.
한라산은 제주도에 있는 높은 산입니다.
이 책은 매우 재미있으니 꼭 읽어 보세요.
데이터베이스 트랜잭션이란 무엇인가요?
부산까지 기차로 두 시간 반이 걸립니다.
안녕하세요, 만나서 반갑습니다!""".splitlines()

THAI = """กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย
วันนี้อากาศดีมากและท้องฟ้าแจ่มใส
เครื่องมือค้นหาคำนวณความเกี่ยวข้องของเอกสาร
ฉันชอบกินข้าวผัดกับน้ำปลาและพริก
ประวัติศาสตร์ของคอมพิวเตอร์มีความยาวนาน
เขาเดินทางจากเชียงใหม่ไปภูเก็ตด้วยเครื่องบิน
น้ำแข็งละลายเมื่ออุณหภูมิสูงขึ้น
หนังสือเล่มนี้น่าสนใจมาก""".splitlines()

ARABIC = """القاهرة هي عاصمة جمهورية مصر العربية.
محرك البحث يحسب مدى صلة الوثيقة بالسؤال.
الطقس اليوم جميل والسماء صافية.
قرأت كتابًا ممتعًا عن تاريخ الحاسوب.
كم عدد سكان مدينة الإسكندرية؟
السَّلَامُ عَلَيْكُمْ وَرَحْمَةُ اللهِ
يستغرق السفر بالقطار ساعتين ونصف.
القهوة العربية مشهورة في كل مكان.""".splitlines()

OTHER = """Москва — столица России, население около тринадцати миллионов человек.
Поисковая система вычисляет релевантность документа.
Η Αθήνα είναι η πρωτεύουσα της Ελλάδας.
דירוג מסמכים לפי שאילתה הוא חלק מכל מנוע חיפוש.
भारत की राजधानी नई दिल्ली है।
Die Straße führt über die Brücke nach Köln; Größe und Übermaß.
L’été dernier, j’ai visité un château près de Besançon — très agréable !
¿Dónde está la estación? El niño comió piñas y plátanos.
İstanbul Boğazı'nda ışıklar yandı.
Thành phố Hồ Chí Minh rất đông đúc.
Łódź, Gdańsk i Kraków są dużymi miastami.""".splitlines()

EMOJI = """I love it 😀😍👍 so much 🎉🎉
👩‍👩‍👧‍👦 family and 🏳️‍🌈 flag with 🇩🇪🇯🇵🇨🇳
thumbs 👍🏽 👍🏿 and ❤️ hearts ☕ coffee
🚀 launch day 🧑🏽‍💻 coding 🤷‍♀️""".splitlines()

ENGLISH = """How many people live in Berlin?
Berlin had a population of 3,520,031 registered inhabitants in an area of 891.82 square kilometers.
The quick brown fox jumps over the lazy dog.
A reranker reads the query and the document together and returns one score for the pair.
Which planet is known as the Red Planet?
Mars, known for its reddish appearance, is often referred to as the Red Planet.
Jupiter, the largest planet in our solar system, has a prominent red spot.
What is the capital of France?
Paris is the capital and most populous city of France.
how to reset a forgotten password
To reset your password, open the settings page, choose Security and follow the instructions in the email.
The museum opens at nine in the morning and closes at six, except on Mondays.
Photosynthesis turns light, water and carbon dioxide into sugar and oxygen.
Water boils at 100 °C at sea level and at a lower temperature on high mountains.
The committee postponed its decision until the auditors had finished their report.
Sourdough bread rises slowly because wild yeast works at its own pace.
An index speeds up reads but every write has to update it as well.
The ship left the harbour at dawn, and by noon the coast was out of sight.""".splitlines()

CHINESE = """柏林有多少人口？
柏林的人口约为三百五十二万，面积为八百九十一平方公里。
重排序模型同时读取查询和文档，并为每一对给出一个分数。
哪颗行星被称为红色星球？
火星因其红色的外观而常被称为红色星球。
法国的首都是哪里？巴黎是法国的首都，也是人口最多的城市。
如何重置忘记的密码？请打开设置页面，选择“安全”，然后按照邮件中的说明操作。
水在海平面上一百摄氏度沸腾，在高山上沸点较低。
數據庫索引可以加快讀取速度，但每次寫入都需要更新。
博物馆上午九点开门，下午六点关门，星期一除外。
光合作用把光、水和二氧化碳变成糖和氧气。
这艘船黎明时离开港口，到中午时海岸已经看不见了。""".splitlines()

CODE = """def rank(query, documents, top_k=None):
    return sorted(documents, key=lambda d: -score(query, d))[:top_k]
for (let i = 0; i < pairs.length; i++) { total += pairs[i]?.score ?? 0; }
SELECT id, title FROM documents WHERE score > 0.5 ORDER BY score DESC LIMIT 10;
https://example.com/search?q=cross+encoder&lang=en#results
user.name+tag@mail.example.org
C:\\Users\\me\\file.txt and /usr/local/lib/node_modules
{"query": "a", "documents": ["b", null, 1.5e-7]}
don't can't it's we're I'll they've""".splitlines()

OWN_LINES = JAPANESE + KOREAN + THAI + ARABIC + OTHER + EMOJI + ENGLISH + CHINESE + CODE

ODD = [
    "", " ", "  ", "\n", "\t", "\r\n", "\u00a0", "\u3000", "\u200b", "\ufeff", "\u200d",
    "a", "A", ".", "?", "!!!", "...", "…", "1", "0", "é", "é", "ß", "İ", "ı", "Ω", "Å",
    "中", "あ", "ア", "한", "각", "ก", "ع", "😀", "𝒳", "\U00020000", "\U0010fffd",
    "hello", "Hello World", "HELLO WORLD", "hello world ", " hello world", "  hello   world  ",
    "hello\nworld", "hello\n\nworld\n", "hello\tworld", "hello\r\nworld\r", "hello\u00a0world", "hello\u3000world",
    "hello\u2028world\u2029end", "hello\u0085world", "hello\u000bworld\u000cend", "hello\u2009thin\u202fspace",
    "zero\u200bwidth\u200cjoin\u200ders\u2060here\ufeff", "soft\u00adhyphen", "\u200ertl\u200f marks \u202aembed\u202c",
    "nul\u0000byte", "\u0000", "a\u0001b\u0002c\u0007d\u001be\u007ff", "\u0080\u0081\u009f c1 controls", "\ufffd replacement \ufffd",
    "\ufffe noncharacter", "\ue000 private use \uf8ff",
    "café naïve résumé", "cafe\u0301 nai\u0308ve re\u0301sume\u0301", "Ångström A\u030angstro\u0308m \u212bngstrom",
    "e\u0301\u0323\u0308 stacked", "\u0301leading mark", "Z\u0351\u036b\u0343a\u0334\u0322l\u0337g\u0336o\u0321",
    "ﬁ ﬂ ligatures ﷺ ½ ² ③ Ⅷ ㎏ ㍿", "ＦＵＬＬ　ｗｉｄｔｈ １２３ ｶﾅ", "ǆ ǅ Ǆ ŉ ΐ ẞ",
    "ΟΔΥΣΣΕΥΣ ὀδυσσεύς Σίσυφος", "İstanbul ISPARTA ılık", "STRASSE Straße",
    "각 vs \u1100\u1161\u11a8", "が vs か\u3099", "นํ้า น้ำ", "قَهْوَة قهوة ﻻ لا", "क्षत्रिय श्री", "שָׁלוֹם",
    "👩‍👩‍👧‍👦", "👍🏽👍🏿", "🇩🇪🇯🇵🇨🇳🇺", "🏳️‍🌈 ❤️ ☕️ 1️⃣ #️⃣", "😀a😀b", "𝒳𝓎 𝔸𝕓𝕔 𝟘𝟙", "𠀀𠮷野家", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "中文和English混合text没有spaces", "全角，标点。「引号」！？；：", "日本語テキスト、カタカナ。ひらがな", "한국어 텍스트와 English 섞기",
    "Ünïcödé ÄÖÜ ñandú çedilla", "“curly” ‘quotes’ — dashes – and … ``ticks'' ''", "a`b``c'd''e\"f\"\"g",
    "3.14159 1,234,567 -42 1e-10 0xFF 50% $9.99 €5 ¥100 №7", "12345678901234567890", "٠١٢٣٤٥ १२३ ๑๒๓ 一二三",
    "a-b_c.d/e\\f|g~h^i&j*k", "(){}[]<>=+", "don't I'LL we've 'S 'tis o'clock", "semi;colon:comma,period.", "x" * 99, "x" * 100, "x" * 101, "Supercalifragilisticexpialidocious" * 8,
    "1" * 150, "é" * 120, "中" * 130, "ก" * 110, "-" * 120, "aB" * 70, "\u0301" * 40, "😀" * 40, "▁under▁score ▁", "▁", "Ġbyte Ċ level", "##piece ## #", "<0x0A> <0xE4>",
    "[SEP]", "[CLS]", "[PAD]", "[MASK]", "[UNK]", "<s>", "</s>", "<pad>", "<mask>", "<unk>", "<|im_end|>", "<|endoftext|>", "[sep]", "<S>",
    "before [SEP] after", "before[SEP]after", "[CLS] query [SEP] document [SEP]", "a <s> b </s> c", "a<s>b</s>c", "</s></s>", "fill the <mask> here", "fill the  <mask>  here", "fill the [MASK] here", "x[MASK]y",
    "<|im_start|>user\nhi<|im_end|>\n", "unk <unk> [UNK] [PAD]<pad>", "[ SEP ] [SEP ]", "[SEP][SEP]", "|||IP_ADDRESS||| and |||EMAIL_ADDRESS|||", "four    spaces  and        eight", "tabs\t\t\tand\n\n\nlines",
    "trailing newline\n", "\n\nleading newlines", "   \n  mixed \t whitespace  \n", "end with space ", "?\n?", "word. \n", "a\u0300 \u0300b", "\u0e33\u0e33", "\u0640\u0640\u0640",
]

HUGE = [
    {"unit": "The quick brown fox jumps over the lazy dog. ", "times": 4500, "tail": "The end."},
    {"unit": "a", "times": 200000, "tail": ""},
    {"unit": "abcdefghij", "times": 20000, "tail": " tail"},
    {"unit": "超长的中文文档没有任何空格", "times": 5200, "tail": "结束"},
    {"unit": " ", "times": 200000, "tail": "end"},
    {"unit": " \n\t", "times": 66000, "tail": "x"},
    {"unit": "word 词語 ことば 단어 คำ كلمة 🙂 ", "times": 3500, "tail": "."},
    {"unit": "https://example.com/path?x=1&y=2/", "times": 6000, "tail": ""},
    {"unit": "e\u0301", "times": 66000, "tail": ""},
    {"unit": "กรุงเทพมหานครเป็นเมืองหลวง", "times": 2600, "tail": ""},
    {"unit": "[SEP]</s><|im_end|>", "times": 10000, "tail": "z"},
    {"unit": "0123456789", "times": 20000, "tail": ""},
    {"unit": "👩‍👩‍👧‍👦", "times": 8000, "tail": ""},
    {"unit": "!?", "times": 100000, "tail": " done"},
    {"unit": "Is Berlin big? Paris, too!\n", "times": 7400, "tail": ""},
]


def corpus_lines(corpus: Path, english: int, chinese: int, seed: int) -> list[str]:
    """Gives sampled lines of the corpus and our own lines repeated, in a fixed order.

    The corpus is a folder of `en-*.jsonl.gz` and `zh-*.jsonl.gz` files with the texts in `q` and `p`.
    """
    rng = random.Random(seed)
    lines: list[str] = []
    for language, count in (("en", english), ("zh", chinese)):
        path = sorted(corpus.glob(f"{language}-*.jsonl.gz"))[0]
        with gzip.open(path, "rt", encoding="utf-8") as file:
            rows = [json.loads(row) for _, row in zip(range(count * 4), file)]
        for row in rng.sample(rows, count):
            lines += [row["q"], row["p"][:400]]
    return lines + OWN_LINES * 20


class Table:
    """The string table of a fixture: every text once, in the order of its first use."""

    def __init__(self) -> None:
        self.entries: list[dict] = []
        self._index: dict[str, int] = {}

    def add(self, entry: str | dict) -> int:
        key = entry if isinstance(entry, str) else "\0recipe" + json.dumps(entry)
        if key not in self._index:
            self._index[key] = len(self.entries)
            self.entries.append({"t": entry} if isinstance(entry, str) else entry)
        return self._index[key]

    def text(self, index: int) -> str:
        return expand(self.entries[index])


def expand(entry: dict) -> str:
    """Gives the text of one table entry, a recipe written out."""
    return entry["t"] if "t" in entry else entry["unit"] * entry["times"] + entry["tail"]


def words(count: int, seed: int) -> str:
    """Gives `count` words of our own lines in a seeded order, one or two in ten from other scripts."""
    rng = random.Random(seed)
    english = " ".join(ENGLISH).split()
    other = " ".join(OTHER + EMOJI + KOREAN).split()
    return " ".join(rng.choice(other if rng.random() < 0.15 else english) for _ in range(count))


QUERY = ENGLISH[0]
DOCUMENT = ENGLISH[1]


def encode_cases(table: Table, full: bool, extra: int = 0) -> list[tuple[int, int, int]]:
    """Gives (query, document, maxLength) triples: truncation grid, tiny limits, odd texts, huge texts.

    `extra` raises the limits by what a pair template spends on its fixed text.
    """
    cases: list[tuple[int, int, int]] = []

    def add(a: str | dict, b: str | dict, limit: int) -> None:
        cases.append((table.add(a), table.add(b), limit))

    grid_q = ["", "Berlin", words(4, 1), words(12, 2), words(50, 3)]
    grid_d = ["", "Paris", words(7, 4), words(13, 5), words(90, 6)]
    limits = [4, 5, 6, 7, 8, 9, 12, 16, 17, 32, 33, 64, 65, 128, 512] if full else [8, 33, 64]
    for a in grid_q:
        for b in grid_d:
            for limit in limits:
                add(a, b, limit + extra)
    for limit in sorted({*range(0, 8), *range(extra - 1, extra + 4)} - {-1}):
        for a, b in [(QUERY, DOCUMENT), ("", DOCUMENT), (QUERY, ""), ("", ""), (DOCUMENT, "a")]:
            add(a, b, limit)
    for long_q, long_d in [(40, 40), (41, 40), (40, 41), (30, 60), (60, 30)]:
        for limit in (20, 21, 22, 23, 50, 51):
            add(words(long_q, 7), words(long_d, 8), limit + extra)
    for line in ENGLISH[:6] + CHINESE[:4] + JAPANESE[:2]:
        add(QUERY, line, 512)
    if not full:
        for text in ODD[::4]:
            add(QUERY, text, 64 + extra)
        add(QUERY, HUGE[0], 512)
        return cases
    for text in ODD:
        add(QUERY, text, 64 + extra)
        add(text, DOCUMENT, 48 + extra)
    for line in OWN_LINES:
        add(QUERY, line, 96 + extra)
        add(line, "x", 24 + extra)
    rng = random.Random(11)
    for _ in range(80):
        add(rng.choice(ODD + OWN_LINES), rng.choice(ODD + OWN_LINES), rng.randint(6, 48) + extra)
    for recipe in HUGE:
        add(QUERY, recipe, 64 + extra)
        add(QUERY, recipe, 512)
        add(recipe, DOCUMENT, 63 + extra)
    # Two huge texts in one pair are left out: the overflow of both sides multiplies and exhausts the memory.
    add(words(400, 12), words(500, 13), 128)
    add(words(500, 14), words(400, 15), 129)
    return cases


def score_pairs(table: Table, count: int = 64) -> list[tuple[int, int]]:
    """Gives pairs of mixed length and script for the scores, empty texts and duplicates among them."""
    rng = random.Random(23)
    lines = ENGLISH + CHINESE + JAPANESE + KOREAN + OTHER
    pairs = [(QUERY, DOCUMENT), (QUERY, ""), ("", DOCUMENT), ("", ""), (QUERY, DOCUMENT), (CHINESE[0], CHINESE[1])]
    while len(pairs) < count:
        document = rng.choice([rng.choice(lines), rng.choice(ODD), words(rng.randint(1, 60), rng.randint(0, 9999))])
        pairs.append((rng.choice(lines), document))
    pairs[-1] = (QUERY, words(700, 5))
    return [(table.add(a), table.add(b)) for a, b in pairs]


def rank_documents() -> list[str]:
    """Gives documents with duplicates, so that ties are certain."""
    return [ENGLISH[1], ENGLISH[5], ENGLISH[1], CHINESE[1], "", ENGLISH[5], words(40, 9), ENGLISH[1], JAPANESE[0], "Berlin", ENGLISH[8], "Berlin"]
