"""Writes golden.json: tokens and scores of sacrebleu, rouge-score and NLTK for texts made here.

Run beside this file: python generate.py. Needs sacrebleu, rouge-score, nltk and numpy.
"""

import importlib.metadata
import json
import pathlib
import random

from nltk.translate.nist_score import corpus_nist
from rouge_score import rouge_scorer, tokenize
from sacrebleu.metrics import BLEU

draw = random.Random(20240711)
bleus = {case: BLEU(lowercase=case, force=True) for case in (False, True)}
rouge = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)


def tokens13a(text):
    return bleus[False].tokenizer(text.rstrip()).split()


def nist(outputs, references):
    """NIST-5. NLTK divides by zero where no output has 5 tokens: with one reference a segment, the
    orders that there are give what all five give when the others add 0."""
    for order in range(5, 0, -1):
        try:
            return corpus_nist([[tokens13a(text) for text in texts] for texts in references],
                               [tokens13a(output) for output in outputs], order)
        except ZeroDivisionError:
            assert all(len(texts) == 1 for texts in references)
    return 0.0


def score(name, outputs, references, lowercase=False):
    width = max(len(texts) for texts in references)
    streams = [[texts[i] if i < len(texts) else None for texts in references]
               for i in range(width)]
    bleu = bleus[lowercase]
    result = bleu.corpus_score(outputs, streams)
    segments = [rouge.score_multi(texts, output) for output, texts in zip(outputs, references)]
    case = {
        "name": name,
        "lowercase": lowercase,
        "outputs": outputs,
        "references": references,
        "bleu": result.score,
        "precisions": result.precisions,
        "brevityPenalty": result.bp,
        "matches": [int(count) for count in result.counts],
        "totals": [int(count) for count in result.totals],
        "outputLength": result.sys_len,
        "referenceLength": result.ref_len,
        "signature": bleu.get_signature().format().rsplit("|version:", 1)[0],
        "nist": nist(outputs, references),
    }
    for kind in rouge.rouge_types:
        case[kind] = [sum(getattr(segment[kind], value) for segment in segments) / len(segments)
                      for value in ("precision", "recall", "fmeasure")]
    return case


names = ["The Golden Oak", "Marlow's", "Café Zoë", "Blue Heron", "Pier 39", "La Crème", "Tin & Tallow"]
foods = ["Italian", "Thai", "French-style", "seafood", "home-made", "vegan", "fish and chips"]
places = ["near the old bridge", "by the riverside", "in the city centre", "at 12-14 Mill Lane",
          "opposite St. Mary's church"]
prices = ["£20-25", "$9.50", "less than €15", "1,200 yen", "cheap", "moderately priced"]
shapes = [
    "{name} is a {price} {food} restaurant {place}.",
    "{name}, {place}, serves {food} food.",
    "You can eat {food} dishes at {name} {place}; meals are {price}.",
    "{place}, there is {name}: {food} cuisine, {price}, rated {stars} out of 5.",
    "If you like {food} food, try {name} - it is {place} and {price}!",
    "{name} offers {food} food. It has a rating of {stars}/5.",
]


def sentence():
    text = draw.choice(shapes).format(
        name=draw.choice(names), food=draw.choice(foods), place=draw.choice(places),
        price=draw.choice(prices), stars=draw.choice(["3", "4.5", "1"]))
    return text[0].upper() + text[1:]


def variant(text):
    words = text.split()
    for _ in range(draw.randrange(4)):
        position = draw.randrange(len(words))
        kind = draw.randrange(4)
        if kind == 0 and len(words) > 1:
            words.pop(position)
        elif kind == 1:
            words.insert(position, draw.choice(["very", "the", "and", "good", "restaurant"]))
        elif kind == 2:
            words.insert(draw.randrange(len(words)), words.pop(position))
        else:
            words[position] = words[draw.randrange(len(words))]
    return " ".join(words)


sentences = [sentence() for _ in range(60)]
ordinary = [variant(text) for text in sentences]
varying = [[text] + [variant(text) for _ in range(draw.randrange(5))] for text in sentences]

cases = [
    score("one reference", ordinary, [[text] for text in sentences]),
    score("three references", ordinary, [[variant(text) for _ in range(3)] for text in sentences]),
    score("1 to 5 references", ordinary, varying),
    score("1 to 5 references, lower case", [text.upper() for text in ordinary], varying, True),
    score("upper case against mixed", [text.upper() for text in ordinary], varying),
    score("identical", sentences, [[text] for text in sentences]),
    score("identical, one sentence", ["The Golden Oak is cheap ."], [["The Golden Oak is cheap ."]]),
    score("no overlap", ["alpha beta gamma delta epsilon"], [["one two three four five", "six"]]),
    score("one empty output", ["", ordinary[1], ordinary[2]], [[text] for text in sentences[:3]]),
    score("all outputs empty", ["", " "], [["Food is good here ."], ["Yes ."]]),
    score("an empty reference", ordinary[:2], [["", sentences[0]], [sentences[1]]]),
    score("an empty output meets an empty reference", ["", ordinary[1]], [["a b", ""], [sentences[1]]]),
    score("outputs below order 4", ["cheap food", "good"], [["cheap food here"], ["good"]]),
    score("some outputs below order 4", ["cheap food", ordinary[3]], [["cheap food"], [sentences[3]]]),
    score("no match of order 3 and 4", ["a b x c d y"], [["a b c d e f"]]),
    score("no match of order 2 to 4", ["d c b a"], [["a b c d e f"]]),
    score("repeated tokens are clipped", ["the the the the the the the"],
          [["the cat is on the mat", "there is a cat on the mat"]]),
    score("closest length, tie", ["a b c d e f"], [["a b c d", "a b c d e f g h"]]),
    score("far shorter than the references", ["The Golden Oak is a restaurant"],
          [["The Golden Oak is a restaurant by the riverside that serves very good Thai food"]]),
    score("far longer than the references",
          ["The Golden Oak is a restaurant by the riverside that serves very good Thai food"],
          [["The Golden Oak is a restaurant"]]),
    score("accents composed and not", ["Cafe\u0301 Zoë is a café"], [["Café Zoë is a cafe\u0301"]]),
    score("letters with unusual lower case, lower case", ["İSTANBUL ΟΔΟΣ ΣΑΣ \u212Aelvin ẞ ǅ Ω Å"],
          [["i̇stanbul οδος σας kelvin ß ǆ ω å", "istanbul οδοσ σασ Kelvin ss"]], True),
    score("letters with unusual lower case", ["İSTANBUL ΟΔΟΣ ΣΑΣ \u212Aelvin ẞ ǅ Ω Å"],
          [["i̇stanbul οδος σας kelvin ß ǆ ω å", "istanbul οδοσ σασ Kelvin ss"]]),
]

stress = sentences[:12] + [
    "", " ", "\n", "a", ".", ",", "...", ". . .", "a...b", "1.5", "1,000.50", "1.", ".5", "a.5",
    "5.a", "1-2", "a-b", "1-", "-1", "10-15%", "9.-", "3.14-2,71", "£20-25", "$9.50", "€15,99",
    "5,-", "e.g., i.e.", "U.S.A.", "don't", "'quoted'", "\"double\"", "“curly” ‘single’ it’s",
    "«guillemets»", "em—dash en–dash", "well-known 24-hour", "a/b", "and/or", "a_b", "a\\b",
    "[x] {y} (z) <w>", "a=b+c*d", "#tag @name", "50%", "a&b", "&quot;x&quot;", "&amp;lt;",
    "&lt;b&gt; &amp;amp;", "&apos;", "<skipped>", "a<skipped>b", "<skip<skipped>ped>",
    "line\nbreak", "hyphen-\nation", "end-\n", "two\r\nlines", "tab\tand\vvertical\fform",
    "a\u00a0b", "a\u2003b\u3000c", "a\u200bb", "a\u1680b\u2028c\u2029d\u0085e", "a\x1cb\x1fc",
    "naïve café", "e\u0301.", "é,é.é", "日本語。テスト、", "中.文,字", "٣.٥ ٣,٥ ٣-٥", "½.5 ²-1 ①,",
    "😀.😀,5", "👩‍👩‍👧 family", "a.\u0301b", "5\u0301-3", "~`!@#$%^&*()-_=+[{]}\\|;:'\",<.>/?",
    "x.,y", "1.,2", ",,", ".,.,", "1,.2", "a.b.c.d", "1.2.3.4", "--", "1--2", "a - b", "12:30 p.m.",
    "İ", "\u212A\u212B", "ΑΣ", "ΑΣ.", "ΑΣΑ", "Σ", "Σ Σ", "Α\u0301Σ\u0301", "ΑΣ'Α", "Α.Σ", "ΣΣ",
    "ǅ ẞ Ǆ", "Straße STRASSE", "ﬁ ﬂ", "ＡＢＣ１２３", "Éa1b2c3", "x²y", "K9", "𝐀𝐁", "Ꭰ ꭰ", "Ⴀ",
]

document = {
    "generator": ", ".join(f"{name} {importlib.metadata.version(name)}"
                           for name in ("sacrebleu", "rouge-score", "nltk")),
    "tokens": [
        {"text": text, "tokens13a": tokens13a(text), "lower": text.lower(),
         "rouge": tokenize.tokenize(text, None)}
        for text in stress
    ],
    "cases": cases,
}
path = pathlib.Path(__file__).with_name("golden.json")
path.write_text(json.dumps(document, indent=1) + "\n")
