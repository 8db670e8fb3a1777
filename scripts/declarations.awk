#!/usr/bin/env -S awk -f
# What scripts/tidy looks for in Swift declarations, one line a place: KIND FILE:LINE: NAME.
#
#   import    a doc comment above an import
#   public    a public symbol without a doc comment; one comment does for the run of one-line
#             symbols under it, up to an empty line
#   throws    a public function that throws, whose doc comment does not say what (- Throws:)
#   many      a function with more than six parameters

BEGIN {
    modifiers = "(@[A-Za-z_]+(\\([^)]*\\))? +)*([a-z]+(\\([a-z]+\\))? +)*"
    keywords = "func|init\\??|subscript|var|let|struct|class|enum|protocol|actor|typealias"
    beginning = "^ *" modifiers "(" keywords ")[ (<]"
}

# What a protocol of the standard library asks for says nothing of its own.
function is_given(text) {
    return text ~ /(let|var) (description|debugDescription|hashValue|rawValue|id)[: ]/ \
        || text ~ /func (==|<|hash|index|next|makeIterator) ?\(/ \
        || text ~ /init\((_ rawValue|rawValue|from|[a-z]+Literal)/
}

# parameters TEXT: how many the first parentheses hold, with what is nested taken as one.
function parameters(text,    i, c, depth, count, filled) {
    gsub(/->/, "", text)
    sub(/^[^(]*/, "", text)
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "(" || c == "[" || c == "<" || c == "{") { depth++; continue }
        if (c == ")" || c == "]" || c == ">" || c == "}") { if (--depth == 0) break; continue }
        if (c == "," && depth == 1) { count++; filled = 0; continue }
        if (c != " ") filled = 1
    }
    return count + filled
}

# balance TEXT: opening less closing parentheses.
function balance(text) { return gsub(/\(/, "", text) - gsub(/\)/, "", text) }

function place(kind, text) { print kind, FILENAME ":" first ": " text }

# ended: judges the declaration that has been read.
function ended(    text, name) {
    if (declaration == "") return
    text = declaration
    declaration = ""
    sub(/^ +/, "", text)
    name = substr(text, 1, 90)
    if (text ~ /^[^({]*(func|init|subscript)[ (?<]/ && parameters(text) > 6) place("many", name)
    if (text !~ /^([@a-zA-Z]+ )*public /) return
    if (comment == "" && !is_given(text)) place("public", name)
    if (text ~ /\) (async )?throws/ && comment !~ /- Throws:/) place("throws", name)
}

FNR == 1 { ended(); doc = above = ""; reading = 0 }

# A signature goes on while its parentheses are open, and in lines that can only belong to one.
reading {
    if (depth > 0 || $0 ~ /^ *(throws|rethrows|async|->|where)/) {
        line = $0
        sub(/^ +/, " ", line)
        declaration = declaration line
        depth += balance($0)
        next
    }
    reading = 0
    ended()
}

/^ *\/\/\// { doc = doc $0; next }

/^ *(@[A-Za-z]+ )*((package|public|internal|private|fileprivate) )?import / {
    first = FNR
    if (doc != "") place("import", $0)
    doc = ""
    next
}

# Attributes stand between a comment and what it is about.
/^ *(@[A-Za-z_]+(\([^)]*\))? *)+$/ || /^ *#(if|else|endif)/ || /^ *\/\// { next }

$0 ~ beginning {
    declaration = $0
    # A comment of its own, or that of the run.
    if (doc != "") above = doc
    comment = above
    if ($0 ~ /[{(]$/) above = ""
    first = FNR
    depth = balance($0)
    reading = 1
    doc = ""
    next
}

/^ *$/ { above = "" }
{ doc = "" }

END { ended() }
