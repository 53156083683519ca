"""Owns the recorded pairs: own short texts in both languages, crossed into 200 pairs of many lengths."""

import json
import os

QUERIES = [
    "谁写的《杀死一只知更鸟》？",
    "Who wrote 'To Kill a Mockingbird'?",
    "how do I renew a library card",
    "水在多少度沸腾",
    "does tea contain caffeine",
    "如何更换自行车内胎",
    "capital of Iceland",
    "为什么天空是蓝色的？",
    "best time of year to plant garlic",
    "长城有多长",
    "what is a hash table used for",
    "猫为什么会打呼噜",
    "Python 读取 CSV 文件",
    "error: port 8080 already in use",
    "1969年登上月球的人是谁",
    "",
    "?",
    "Ünïcödé naïve café ﬁancée",
    "😀 emoji 测试 mixed 文字",
    "a " * 40 + "very long query that repeats itself",
]
DOCUMENTS = [
    "《杀死一只知更鸟》是一本于1960年出版的小说，出版后立即获得成功，并赢得了普利策奖。",
    "哈珀·李是一位美国作家，她写了《杀死一只知更鸟》，1926年出生于亚拉巴马州的门罗维尔。",
    "简·奥斯汀写了《傲慢与偏见》，她以描写英国乡绅生活的小说闻名。",
    "《哈利·波特》系列由英国作家J.K.罗琳创作，共七部，是史上最畅销的系列小说之一。",
    "《了不起的盖茨比》是美国作家菲茨杰拉德于1925年出版的小说。",
    "《白鲸》是赫尔曼·梅尔维尔的小说，讲述船长亚哈追捕白鲸的故事。",
    "To Kill a Mockingbird is a novel by Harper Lee published in 1960. It was immediately successful and won the Pulitzer Prize.",
    "Harper Lee, an American novelist widely known for her novel To Kill a Mockingbird, was born in 1926 in Monroeville, Alabama.",
    "The novel Moby-Dick was written by Herman Melville and first published in 1851.",
    "Jane Austen was an English novelist known for her six major novels, among them Pride and Prejudice.",
    "The Harry Potter series, which consists of seven fantasy novels, was written by British author J.K. Rowling.",
    "The Great Gatsby, a novel by American author F. Scott Fitzgerald, was published in 1925.",
    "Library cards are valid for two years. Bring a proof of address to any branch to renew yours.",
    "在标准大气压下，水在摄氏一百度沸腾；海拔越高，沸点越低。",
    "Black tea holds about half the caffeine of coffee; herbal infusions usually contain none.",
    "更换自行车内胎：先放气，用撬胎棒取下外胎，换上新内胎，再装回外胎并充气。",
    "Reykjavik is the capital and largest city of Iceland.",
    "阳光穿过大气时，波长较短的蓝光被空气分子散射得更多，所以天空看起来是蓝色的。",
    "Plant garlic in autumn, a few weeks before the ground freezes, and harvest it the next summer.",
    "长城总长超过两万公里，横跨中国北方多个省份。",
    "A hash table stores values under keys and finds them in constant time on average.",
    "猫在放松时会打呼噜，但受伤或紧张的猫也会这样做。",
    "用 csv 模块可以逐行读取 CSV 文件：with open('a.csv') as f: for row in csv.reader(f): print(row)",
    "The address is in use: another process listens on port 8080. Stop it or choose a different port.",
    "1969年7月20日，阿姆斯特朗和奥尔德林登上月球，柯林斯留在指令舱。",
    "",
    "。",
    "x",
    "UPPER lower MiXeD 12345 67-89 3.14159 a_b c/d e\\f",
    "繁體中文也應該能夠處理，雖然訓練資料以簡體為主。",
]
PAIRS = 200


def pairs():
    """200 distinct pairs: every query with ten documents, some of them joined into texts past the length limit."""
    chosen = []
    for number, query in enumerate(QUERIES):
        for step in range(PAIRS // len(QUERIES)):
            first = (number * 3 + step * 7) % len(DOCUMENTS)
            document = DOCUMENTS[first]
            if step in (4, 9):
                joined = [DOCUMENTS[(first + i) % len(DOCUMENTS)] for i in range(4 if step == 4 else 24)]
                document = " ".join(joined)
            chosen.append((query, document))
    for number, documents in enumerate(((0, 1, 2, 3), (6, 7, 9, 10))):  # pairs of the demo are always among them
        for place, document in enumerate(documents):
            chosen[10 * number + place] = (QUERIES[number], DOCUMENTS[document])
    assert len(set(chosen)) == PAIRS
    return chosen


def write(directory, scorer):
    """Records the logits of every pair run alone, and the pair a server can check itself with at start."""
    import numpy as np

    texts = pairs()
    logits = [float(scorer([pair])[0]) for pair in texts]
    rows = [{"query": q, "document": d, "logit": round(logit, 6)} for (q, d), logit in zip(texts, logits)]
    with open(os.path.join(directory, "recorded-pairs.json"), "w", encoding="utf-8") as file:
        json.dump(rows, file, ensure_ascii=False, indent=1)
    known = (QUERIES[0], DOCUMENTS[1])
    logit = float(scorer([known])[0])
    row = {"query": known[0], "document": known[1], "logit": round(logit, 6), "score": round(float(1 / (1 + np.exp(-logit))), 6)}
    with open(os.path.join(directory, "known-pair.json"), "w", encoding="utf-8") as file:
        json.dump(row, file, ensure_ascii=False, indent=1)


def demo(scorer):
    """The six-document demo in both languages: `[(query, [(logit, document), ...] best first), ...]`."""
    shows = []
    for query, documents in ((QUERIES[0], DOCUMENTS[:6]), (QUERIES[1], DOCUMENTS[6:12])):
        logits = scorer([(query, document) for document in documents])
        shows.append((query, sorted(zip(logits.tolist(), documents), reverse=True)))
    return shows
