"""Every figure of the site can be read: no text over text, two panels at most."""

import pytest

PANELS = 2
LOOK = """() => {
    const svg = document.querySelector('svg')
    const texts = [...svg.querySelectorAll('g[id^=text_]')].map(group => {
        const named = [...group.childNodes].find(node => node.nodeType === Node.COMMENT_NODE)
        const {x, y, width, height} = group.getBoundingClientRect()
        return {x, y, width, height, text: named ? named.data.trim() : ''}
    }).filter(box => box.text && box.width > 0)
    const over = (a, b, start, size) =>
        Math.min(a[start] + a[size], b[start] + b[size]) - Math.max(a[start], b[start])
    const found = []
    texts.forEach((a, i) => texts.slice(i + 1).forEach(b => {
        if (over(a, b, 'x', 'width') > 1.5 && over(a, b, 'y', 'height') > 1.5)
            found.push(`'${a.text}' over '${b.text}'`)
    }))
    const wide = svg.getBoundingClientRect().width / 10  // a colour bar is no panel
    const panels = [...svg.querySelectorAll('g[id^=axes_] > g[id^=patch_]:first-of-type')]
        .filter(node => node.getBoundingClientRect().width > wide).length
    return {found, panels}
}"""


@pytest.fixture(scope="module")
def window(chromium):
    context = chromium.new_context(viewport={"width": 1000, "height": 800})
    yield context.new_page()
    context.close()


def test_no_figure_has_text_over_text_or_more_than_two_panels(site, window):
    wrong = []
    for path in sorted((site / "_images").glob("*.svg")):
        text = path.read_text(encoding="utf-8")
        window.set_content(text[text.index("<svg") :])
        seen = window.evaluate(LOOK)
        if seen["found"]:
            wrong.append(f"{_named(site, path.name)}: {'; '.join(seen['found'][:3])}")
        if seen["panels"] > PANELS:
            wrong.append(f"{_named(site, path.name)}: {seen['panels']} panels")
    assert wrong == []


def _named(site, image: str) -> str:
    """Name an image by the page and the words for those who do not see it."""
    for page in sorted(site.glob("*/**/*.html")):
        text = page.read_text(encoding="utf-8")
        if image in text:
            alt = text[: text.index(image)].rpartition("<img")[2] + text[text.index(image) :][:300]
            return f"{page.stem}: {alt.partition('alt=')[2][:80]}"
    return image
