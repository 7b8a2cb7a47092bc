"""Makes documents with the programs that people use, and damaged ones: python make.py FOLDER

Writes FOLDER/manifest.json: for each file what its maker wrote, in order, or the code with which it is refused.
Files of LibreOffice are only made where `soffice` is installed."""
import datetime
import io
import json
import pathlib
import random
import shutil
import subprocess
import sys
import zipfile
from email.message import EmailMessage

import docx
import openpyxl
import pptx
import xlwt
from odf import table as odf_table
from odf import text as odf
from odf.opendocument import OpenDocumentText
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen import canvas

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
manifest = []

TITLE = "The harbour of Port Ellery"
FIRST = "The harbour was opened in 1904 by the mayor, Ellen Voss; its first ship was the “Narwhal” (naïve & brave)."
SECOND = "Fees are 12.50 € a day, and 5 < 7 > 3 is no markup."
ITEMS = ["Bring the ship's papers.", "Ask for the pilot."]
ROWS = [["Ship", "Length"], ["Narwhal", "41 m"], ["Blue Whale", "120 m"]]
CHINESE = ["深度求索港口于一九〇四年开放。", "费用每天十二元，船长请出示证件。"]
FLAT = [TITLE, FIRST, SECOND, *ITEMS, *[cell for row in ROWS for cell in row], *CHINESE]


def add(name, expect=None, pages=None, refused=None, scanned=None):
    manifest.append({"name": name, "expect": expect, "pages": pages, "refused": refused, "scanned": scanned})


def write(name, data, **more):
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    add(name, **more)


# --- Word
word = docx.Document()
word.add_heading(TITLE, 1)
word.add_paragraph(FIRST)
word.add_paragraph(SECOND)
for item in ITEMS:
    word.add_paragraph(item, style="List Bullet")
grid = word.add_table(0, 2)
for row in ROWS:
    cells = grid.add_row().cells
    cells[0].text, cells[1].text = row
for line in CHINESE:
    word.add_paragraph(line)
word.save(folder / "word.docx")
add("word.docx", expect=FLAT, pages=1)

breaks = docx.Document()
for number in range(1, 4):
    breaks.add_paragraph(f"This is page {number}.")
    if number < 3:
        breaks.add_page_break()
breaks.save(folder / "breaks.docx")
add("breaks.docx", expect=[f"This is page {number}." for number in range(1, 4)], pages=3)

# --- Excel
book = openpyxl.Workbook()
sheet = book.active
sheet.title = "Ships"
for row in ROWS:
    sheet.append(row)
sheet.append(["Opened", datetime.date(1904, 5, 1)])
sheet.append(["Fee", 12.5])
sheet.append(["Free", False])
sheet.append(["Sum", "=B5*2"])
second = book.create_sheet("费用")
second.append(["每天", 12])
book.save(folder / "book.xlsx")
CELLS = [cell for row in ROWS for cell in row] + ["Opened", "1904-05-01", "Fee", "12.5", "Free", "false", "Sum"]
add("book.xlsx", expect=[*CELLS, "每天", "12"], pages=2)

old = xlwt.Workbook()
old_sheet = old.add_sheet("Ships")
for y, row in enumerate(ROWS):
    for x, cell in enumerate(row):
        old_sheet.write(y, x, cell)
old.save(str(folder / "old.xls"))
add("old.xls", expect=[cell for row in ROWS for cell in row], pages=1)

# --- PowerPoint
show = pptx.Presentation()
for number, (title, body) in enumerate([(TITLE, FIRST), ("Fees", SECOND), ("费用", CHINESE[1])]):
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text = title
    slide.placeholders[1].text = body
    if number == 0:
        slide.notes_slide.notes_text_frame.text = "Speak slowly."
show.save(folder / "show.pptx")
SLIDES = [TITLE, FIRST, "Notes", "Speak slowly.", "Fees", SECOND, "费用", CHINESE[1]]
add("show.pptx", expect=SLIDES, pages=3)

# --- OpenDocument
text = OpenDocumentText()
text.text.addElement(odf.H(outlinelevel=1, text=TITLE))
for line in [FIRST, SECOND, *CHINESE]:
    text.text.addElement(odf.P(text=line))
points = odf.List()
for item in ITEMS:
    point = odf.ListItem()
    point.addElement(odf.P(text=item))
    points.addElement(point)
text.text.addElement(points)
grid = odf_table.Table(name="Ships")
grid.addElement(odf_table.TableColumn(numbercolumnsrepeated=2))
for row in ROWS:
    line = odf_table.TableRow()
    for cell in row:
        box = odf_table.TableCell()
        box.addElement(odf.P(text=cell))
        line.addElement(box)
    grid.addElement(line)
text.text.addElement(grid)
text.save(str(folder / "text.odt"))
ODT = [TITLE, FIRST, SECOND, *CHINESE, *ITEMS, *[cell for row in ROWS for cell in row]]
add("text.odt", expect=ODT, pages=1)


# --- PDF
def pdf(name, draw, **more):
    out = io.BytesIO()
    page = canvas.Canvas(out, pagesize=A4, **more)
    draw(page)
    page.save()
    (folder / name).write_bytes(out.getvalue())
    return out.getvalue()


def three_pages(page):
    for number, line in enumerate([TITLE, "It opened in 1904.", "Fees are 12.50 a day."], 1):
        page.setFont("Helvetica", 12)
        page.drawString(72, 760, line)
        page.drawString(72, 740, f"Page {number} of 3")
        page.showPage()


whole = pdf("pages.pdf", three_pages)
add("pages.pdf", expect=[TITLE, "Page 1 of 3", "It opened in 1904.", "Page 2 of 3", "Fees are 12.50 a day.", "Page 3 of 3"], pages=3)

pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))


def chinese(page):
    page.setFont("STSong-Light", 14)
    for at, line in enumerate(CHINESE):
        page.drawString(72, 760 - 24 * at, line)


pdf("chinese.pdf", chinese)
add("chinese.pdf", expect=CHINESE, pages=1)

LEFT = ["The left column", "is read first,", "to its end."]
RIGHT = ["The right column", "follows it."]


def columns(page):
    for x, lines in [(60, LEFT), (320, RIGHT)]:
        flow = page.beginText(x, 760)
        flow.setFont("Times-Roman", 12)
        for line in lines:
            flow.textLine(line)
        page.drawText(flow)


pdf("columns.pdf", columns)
add("columns.pdf", expect=LEFT + RIGHT, pages=1)


def rotated(page):
    page.translate(300, 100)
    page.rotate(90)
    page.setFont("Courier", 12)
    page.drawString(0, 0, "A page that lies on its side.")


pdf("rotated.pdf", rotated)
add("rotated.pdf", expect=["A page that lies on its side."], pages=1)


def picture():
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (1240, 1754), "white")
    ImageDraw.Draw(image).text((100, 100), "Scanned by a machine", fill="black")
    return ImageReader(image)


pdf("scan.pdf", lambda page: page.drawImage(picture(), 0, 0, *A4))
add("scan.pdf", expect=[], pages=1, scanned=[1])

pdf("locked.pdf", three_pages, encrypt=StandardEncryption("secret", ownerPassword="owner"))
add("locked.pdf", refused=["document_locked"])
pdf("printable.pdf", three_pages, encrypt=StandardEncryption("", ownerPassword="owner"))
add("printable.pdf", expect=[TITLE, "Page 1 of 3", "It opened in 1904.", "Page 2 of 3", "Fees are 12.50 a day.", "Page 3 of 3"], pages=3)

# A book whose facts are each on one page. It is attached to a chat by another test.
HARBOURS = ["Ellery", "Varn", "Skell", "Oster", "Quill", "Morran", "Teal", "Ister"]


def book_pages(page):
    for number in range(1, 401):
        page.setFont("Helvetica", 11)
        page.drawString(72, 780, f"Chapter {(number + 19) // 20}, page {number}")
        harbour = f"{HARBOURS[number % 8]}-{number}"
        lines = [f"The harbour of {harbour} has {number * 3} berths and {number % 7 + 2} cranes."]
        lines += [f"Ships of the {word} line call at {harbour} on every {day}." for word, day in [("red", "Monday"), ("blue", "Friday")]]
        lines += ["Fees are paid at the office, which is open in the morning, and the pilot waits outside."] * 12
        if number == 237:
            lines[5] = "The lighthouse keeper of this harbour was called Ottoline Brask."
        for at, line in enumerate(lines):
            page.drawString(72, 750 - 16 * at, line)
        page.showPage()


pdf("harbours.pdf", book_pages)

# --- The rest
html = f"<html><head><title>x</title><style>p{{}}</style><script>alert('no')</script></head><body><h1>{TITLE}</h1><p>Fees &amp; ships</p><ul><li>{ITEMS[0]}</li></ul></body></html>"
write("page.html", html, expect=[TITLE, "Fees & ships", ITEMS[0]], pages=1)
mail = EmailMessage()
mail["From"], mail["To"], mail["Subject"] = "Li Lei <li@example.com>", "ann@example.com", "Grüße 港口"
mail.set_content("Schöne Grüße.\n")
mail.add_alternative("<p>Schöne Grüße.</p>", subtype="html")
mail.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="plan.pdf")
write("mail.eml", mail.as_bytes(), expect=["From: Li Lei <li@example.com>", "To: ann@example.com", "Subject: Grüße 港口", "Attachment: plan.pdf", "Schöne Grüße."], pages=1)
write("notes.md", f"# {TITLE}\n\n{FIRST}\n", expect=[TITLE, FIRST], pages=1)
write("table.csv", "Ship,Length\nNarwhal,41\n", expect=["Ship", "Length", "Narwhal", "41"], pages=1)
write("code.rs", "fn main() {\n    println!(\"{}\", 1 << 2);\n}\n", expect=["fn main() {", "println!(\"{}\", 1 << 2);"], pages=1)
write("gbk.txt", "".join(CHINESE).encode("gbk"), expect=CHINESE, pages=1)
write("utf16.txt", FIRST.encode("utf-16"), expect=[FIRST], pages=1)
write("latin.txt", "Die Größe der Straße wäre für Jürgen schön genug.".encode("latin-1"), expect=["Die Größe der Straße wäre für Jürgen schön genug."], pages=1)
write("really.txt", whole, expect=[TITLE, "Page 1 of 3", "It opened in 1904.", "Page 2 of 3", "Fees are 12.50 a day.", "Page 3 of 3"], pages=3)


# --- Refused, damaged and hostile
def archive(name, parts, **more):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for part, data in parts.items():
            file.writestr(part, data)
    write(name, out.getvalue(), **more)


W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
write("empty.txt", b"", refused=["document_empty"])
write("blank.txt", " \n\n", refused=["document_empty"])
write("program.bin", b"\x7fELF\x02\x01\x01" + bytes(100), refused=["document_unsupported"])
write("noise.docx", random.Random(1).randbytes(5000), refused=["document_unsupported"])
archive("archive.zip", {"a.txt": "text"}, refused=["document_unsupported"])
write("cut.pdf", whole[: len(whole) // 3], refused=["document_invalid", "document_empty"])
write("only-head.pdf", b"%PDF-1.7\n", refused=["document_invalid"])
loop = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[2 0 R]/Count 1>>endobj\ntrailer<</Root 1 0 R>>\n"
write("loop.pdf", loop, refused=["document_invalid", "document_empty"])
archive("bomb.docx", {"word/document.xml": bytes(300 << 20)}, refused=["document_too_large", "document_failed"])
laughs = '<!DOCTYPE x [<!ENTITY a "haha"><!ENTITY b "&a;&a;&a;&a;">]>'
archive("laughs.docx", {"word/document.xml": f"{laughs}<w:document {W}><w:body><w:p><w:r><w:t>One&b;two</w:t></w:r></w:p></w:body></w:document>"}, expect=["Onetwo"], pages=1)
deep = f"<w:document {W}>" + "<w:sdt>" * 200_000 + "<w:p><w:t>Deep</w:t></w:p>" + "</w:sdt>" * 200_000 + "</w:document>"
archive("deep.docx", {"word/document.xml": deep}, expect=["Deep"], pages=1)
archive("broken.docx", {"word/document.xml": f"<w:document {W}><w:p><w:t>One</w:p>"}, refused=["document_invalid"])
cells = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="A1:XFD1048576"/><sheetData><row r="1048576"><c r="XFD1048576"><v>1</v></c></row><row r="1"><c r="A1"><v>1</v></c></row></sheetData></worksheet>'
wide = openpyxl.Workbook()
wide.save(folder / "wide.xlsx")
with zipfile.ZipFile(folder / "wide.xlsx") as file:
    parts = {name: file.read(name) for name in file.namelist()}
archive("wide.xlsx", parts | {"xl/worksheets/sheet1.xml": cells}, refused=["document_too_large", "document_failed", "document_invalid"])
stream = __import__("zlib").compress(b"0 0 m " * (40 << 20), 6)
bomb = b"%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>endobj\n4 0 obj<</Filter/FlateDecode/Length %d>>stream\n" % len(stream)
write("bomb.pdf", bomb + stream + b"\nendstream endobj\ntrailer<</Root 1 0 R>>\n", refused=["document_empty", "document_failed", "document_invalid"])


# --- LibreOffice
def convert(source, kind, name, **more):
    done = folder / "libreoffice"
    subprocess.run(
        ["soffice", "--headless", f"-env:UserInstallation=file://{done.resolve()}/profile", "--convert-to", kind, "--outdir", str(done), str(folder / source)],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    made = done / f"{pathlib.Path(source).stem}.{kind.split(':')[0]}"
    shutil.move(made, folder / name)
    add(name, **more)


if shutil.which("soffice"):
    convert("word.docx", "pdf", "libreoffice.pdf", expect=FLAT)
    convert("word.docx", "odt", "libreoffice.odt", expect=FLAT)
    convert("text.odt", "docx", "libreoffice.docx", expect=ODT)
    convert("word.docx", "doc", "libreoffice.doc", refused=["document_unsupported"])
    convert("word.docx", "rtf", "libreoffice.rtf", refused=["document_unsupported"])
    convert("word.docx", "html", "libreoffice.html", expect=FLAT)
    # LibreOffice keeps the truth value as the number 0.
    numbers = ["0" if cell == "false" else cell for cell in CELLS]
    convert("book.xlsx", "ods", "libreoffice.ods", expect=[*numbers, "25", "每天", "12"], pages=2)
    convert("book.xlsx", "xls", "libreoffice.xls", expect=[*CELLS, "25", "每天", "12"], pages=2)
    convert("show.pptx", "odp", "libreoffice.odp", expect=SLIDES, pages=3)
    convert("show.pptx", "ppt", "libreoffice.ppt", refused=["document_unsupported"])
    shutil.rmtree(folder / "libreoffice")

(folder / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=1))
print(f"{len(manifest)} documents")
