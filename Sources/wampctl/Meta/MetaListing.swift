// A list that the meta API gave, as a table, as rows for a script, or as JSON.

import WAMP

struct MetaListing {
    /// What each row is, for `type` in `jsonl`.
    var kind: String
    /// The keys of the rows, which are the header of the table.
    var columns: [String]
    var rows: [Value.Dictionary] = []

    func text(as format: OutputFormat) -> String? {
        switch format {
        case .json: return JSONText.text(.list(rows.map { .dictionary($0) }))
        case .jsonl:
            let time = Value.string(WallMoment.now().timestamp)
            return lines(
                rows.map { row in
                    JSONText.text(
                        .dictionary(
                            Value.Dictionary(
                                [("type", .string(kind)), ("time", time)] + row.entries)))
                })
        case .tsv:
            return lines(rows.map { row in cells(row).joined(separator: "\t") })
        default: return table
        }
    }

    private func lines(_ lines: [String]) -> String? {
        lines.isEmpty ? nil : lines.joined(separator: "\n")
    }

    private var table: String {
        let cells = [columns.map { $0.uppercased() }] + rows.map(cells)
        let widths = columns.indices.map { column in
            cells.map { $0[column].columnCount }.max() ?? 0
        }
        return cells.map { row in
            let padded = row.enumerated().map { index, cell in
                index == row.count - 1 ? cell : Columns.left(cell, widths[index])
            }
            return padded.joined(separator: "  ")
        }.joined(separator: "\n")
    }

    /// Tabs and line breaks of a peer must not forge columns and rows.
    private func cells(_ row: Value.Dictionary) -> [String] {
        columns.map { Terminal.sanitized(Self.cell(row[$0] ?? .null)) }
    }

    private static func cell(_ value: Value) -> String {
        switch value {
        case .null: "-"
        case .string(let text): text
        default: JSONText.text(value)
        }
    }
}
