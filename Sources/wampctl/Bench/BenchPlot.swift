// `--plot`: results as one SVG with nothing outside it. Pure.
// Colours are those of Okabe and Ito, which people with any colour vision tell apart; each line
// has a dash and a mark of its own as well.

import Glibc
import Histogram
import WAMP

struct BenchPlot {
    let report: BenchReport

    /// In pixels of the picture.
    private static let width = 900.0
    private static let panelHeight = 420.0
    private static let colors = [
        "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#a6761d",
    ]
    private static let darkColors = [
        "#4fb3f0", "#ff8a3c", "#2fd1a3", "#e9a3c9", "#f5c242", "#9fd8ff", "#bdbdbd", "#d9a95b",
    ]
    private static let dashes = [
        "", "7 4", "2 3", "10 3 2 3", "14 3", "1 6", "12 3 2 3 2 3", "5 2 1 2",
    ]

    var svg: String {
        let series = percentileSeries
        let curves = curveSeries
        let legendRows = series.count + (curves.isEmpty ? 0 : curves.count)
        let panels = curves.isEmpty ? 1 : 2
        let height =
            70 + Double(panels) * Self.panelHeight + Double(legendRows) * 18
            + Double(panels) * 20 + 30
        var text = head(height)
        var top = 62.0
        text += percentilePanel(series, top: top)
        top += Self.panelHeight
        text += legend(series, top: top)
        top += Double(series.count) * 18 + 20
        if !curves.isEmpty {
            text += curvePanel(curves, top: top)
            top += Self.panelHeight
            text += legend(curves, top: top)
        }
        text += label(
            environment, x: 20, y: height - 12, size: 11, anchor: "start", faint: true)
        return text + "</svg>\n"
    }

    // MARK: What is drawn

    private struct Series {
        var name: String
        /// Its place among the colours, and among the dashes.
        var color: Int
        var dash: Int
        /// In the panel's own quantities.
        var points: [(x: Double, y: Double)]
        var hasMarks = false
    }

    private var environment: String {
        let facts = report.system
        return "\(facts.cores) × \(facts.processor), \(facts.kernel), load "
            + "\(Figures.fixed(facts.load, 1)), \(report.began.timestamp.prefix(10)), "
            + "wampctl \(Wampctl.version)"
    }

    private func name(_ result: BenchResult) -> String {
        var name = result.cell.label(report.results.map(\.cell).varied)
        if report.targets.count > 1 { name += "   \(report.targets[result.target].url)" }
        if result.isSaturated { name += "   saturated: lower bounds" }
        return name
    }

    /// x: the number of nines, log10(1 / (1 - p)).
    private var percentileSeries: [Series] {
        report.results.enumerated().compactMap { index, result in
            guard result.response.totalCount > 0 else { return nil }
            var points: [(x: Double, y: Double)] = []
            let last = min(5, log10(Double(result.response.totalCount)))
            let steps = stride(from: 0, to: last, by: 0.02).map { $0 } + [last]
            for nines in steps {
                let percentile = 100 * (1 - pow(10, -nines))
                points.append((nines, max(1e-4, result.milliseconds(percentile))))
            }
            // Once all colours are used they come again, with other dashes.
            return Series(
                name: name(result), color: index, dash: index + index / Self.colors.count,
                points: points)
        }
    }

    /// x: operations per second, y: milliseconds; a line for the median and one for p99 of each
    /// router and each kind of cell.
    private var curveSeries: [Series] {
        let rates = Set(report.results.compactMap(\.cell.pace.rate))
        guard rates.count > 1 else { return [] }
        var groups: [(key: String, results: [BenchResult])] = []
        for result in report.results {
            let key = groupName(result)
            if let index = groups.firstIndex(where: { $0.key == key }) {
                groups[index].results.append(result)
            } else {
                groups.append((key, [result]))
            }
        }
        var series: [Series] = []
        for (index, group) in groups.enumerated() {
            for (dash, percentile) in [50.0, 99.0].enumerated() {
                let points = group.results.filter { $0.response.totalCount > 0 }.map {
                    (x: $0.rate, y: max(1e-4, $0.milliseconds(percentile)))
                }
                let kind = BenchText.percentile(percentile)
                series.append(
                    Series(
                        name: group.key.isEmpty ? kind : "\(kind)   \(group.key)",
                        color: groups.count == 1 ? dash : index,
                        dash: dash + 2 * (index / Self.colors.count),
                        points: points.sorted { $0.x < $1.x }, hasMarks: true))
            }
        }
        return series
    }

    private func groupName(_ result: BenchResult) -> String {
        var parts: [String] = []
        let varied = report.results.map(\.cell).varied
        if varied.contains(.serializer) { parts.append(result.cell.serializer.name) }
        if varied.contains(.size) { parts.append(BenchText.size(result.cell.size)) }
        if varied.contains(.sessions) {
            parts.append(Figures.counted(result.cell.sessions, "session"))
        }
        if report.targets.count > 1 { parts.append(report.targets[result.target].url) }
        return parts.joined(separator: " ")
    }

    // MARK: Panels

    /// From quantities to places on the picture.
    private struct Axes {
        var left = 80.0
        var right = BenchPlot.width - 30
        var top: Double
        var bottom: Double
        var xRange: ClosedRange<Double>
        /// In powers of ten.
        var yRange: ClosedRange<Double>

        func x(_ value: Double) -> Double {
            let share = (value - xRange.lowerBound) / (xRange.upperBound - xRange.lowerBound)
            return left + min(1, max(0, share)) * (right - left)
        }

        func y(_ value: Double) -> Double {
            let share =
                (log10(value) - yRange.lowerBound) / (yRange.upperBound - yRange.lowerBound)
            return bottom - min(1, max(0, share)) * (bottom - top)
        }
    }

    private func axes(_ series: [Series], top: Double, xRange: ClosedRange<Double>) -> Axes {
        let values = series.flatMap { $0.points.map(\.y) }
        let low = log10(values.min() ?? 0.1), high = log10(values.max() ?? 1)
        // Steps of 1, 2 and 5, so that the lines fill the panel.
        let steps = Self.steps.map { log10($0) }
        let lower = steps.last { $0 <= low + 1e-9 } ?? floor(low)
        let upper = steps.first { $0 >= high - 1e-9 && $0 > lower } ?? ceil(high)
        return Axes(
            top: top + 34, bottom: top + Self.panelHeight - 56, xRange: xRange,
            yRange: lower...max(upper, lower + 0.3))
    }

    private static let steps: [Double] = (-4...5).flatMap { power in
        [1.0, 2, 5].map { $0 * pow(10, Double(power)) }
    }

    private func percentilePanel(_ series: [Series], top: Double) -> String {
        let longest = series.map { $0.points.last?.x ?? 1 }.max() ?? 1
        let axes = axes(series, top: top, xRange: 0...max(1, longest))
        var text = label("Latency by percentile", x: 20, y: top + 14, size: 15, anchor: "start")
        text += yAxis(axes)
        let marks: [(Double, String)] = [
            (0, "0 %"), (log10(2), "50 %"), (1, "90 %"), (2, "99 %"), (3, "99.9 %"),
            (4, "99.99 %"), (5, "99.999 %"),
        ]
        for (value, name) in marks where value <= axes.xRange.upperBound + 1e-9 {
            text += xMark(axes, value, name)
        }
        text += label(
            "percentile of \(unit.plural)", x: (axes.left + axes.right) / 2, y: axes.bottom + 42,
            size: 12)
        return text + lines(series, axes)
    }

    private func curvePanel(_ series: [Series], top: Double) -> String {
        let most = series.flatMap { $0.points.map(\.x) }.max() ?? 1
        let step = Self.steps.first { most / $0 <= 8 } ?? most
        let limit = ceil(most / step) * step
        let axes = axes(series, top: top, xRange: 0...limit)
        var text = label(
            "Latency by achieved rate", x: 20, y: top + 14, size: 15, anchor: "start")
        text += yAxis(axes)
        var value = 0.0
        while value <= limit * 1.0001 {
            text += xMark(axes, value, BenchText.count(value))
            value += step
        }
        text += label(
            "\(unit.plural) per second, achieved", x: (axes.left + axes.right) / 2,
            y: axes.bottom + 42, size: 12)
        return text + lines(series, axes)
    }

    private var unit: (singular: String, plural: String) {
        let scenario = report.results.first?.cell.scenario ?? .rpc
        let noun = scenario == .pubsub ? "event" : scenario.noun
        return (noun, "\(noun)s")
    }

    private func yAxis(_ axes: Axes) -> String {
        var text = ""
        for step in Self.steps {
            let power = log10(step)
            guard power >= axes.yRange.lowerBound - 1e-9, power <= axes.yRange.upperBound + 1e-9
            else { continue }
            let y = axes.y(step)
            text += line(axes.left, y, axes.right, y, "grid")
            let isMany = axes.yRange.upperBound - axes.yRange.lowerBound > 4
            let isPower = abs(power - power.rounded()) < 1e-9
            if isPower || !isMany {
                text += label(Self.plain(step), x: axes.left - 8, y: y + 4, size: 11, anchor: "end")
            }
        }
        text += line(axes.left, axes.top, axes.left, axes.bottom, "axis")
        text += line(axes.left, axes.bottom, axes.right, axes.bottom, "axis")
        let kind =
            report.results.first?.cell.pace.isOpen == true ? "response time" : "service time"
        let middle = (axes.top + axes.bottom) / 2
        text +=
            "<text class=\"t\" font-size=\"12\" text-anchor=\"middle\" "
            + "transform=\"translate(22 \(at(middle))) rotate(-90)\">\(kind), ms (log)</text>\n"
        return text
    }

    /// `0.02`, `5`, `1000`.
    private static func plain(_ value: Double) -> String {
        Figures.fixed(
            value, value >= 1 ? 0 : value >= 0.1 ? 1 : value >= 0.01 ? 2 : value >= 0.001 ? 3 : 4)
    }

    private func xMark(_ axes: Axes, _ value: Double, _ name: String) -> String {
        let x = axes.x(value)
        return line(x, axes.top, x, axes.bottom, "grid")
            + line(x, axes.bottom, x, axes.bottom + 5, "axis")
            + label(name, x: x, y: axes.bottom + 20, size: 11)
    }

    private func lines(_ series: [Series], _ axes: Axes) -> String {
        var text = ""
        for one in series {
            let points = one.points.map { "\(at(axes.x($0.x))),\(at(axes.y($0.y)))" }
            text +=
                "<polyline class=\"s\(one.color % Self.colors.count)\" fill=\"none\" "
                + "stroke=\"\(Self.colors[one.color % Self.colors.count])\" "
                + "stroke-width=\"2\" \(dash(one)) points=\"\(points.joined(separator: " "))\"/>\n"
            guard one.hasMarks else { continue }
            for point in one.points {
                text +=
                    "<circle class=\"f\(one.color % Self.colors.count)\" "
                    + "fill=\"\(Self.colors[one.color % Self.colors.count])\" "
                    + "cx=\"\(at(axes.x(point.x)))\" cy=\"\(at(axes.y(point.y)))\" r=\"4\"/>\n"
            }
        }
        return text
    }

    private func legend(_ series: [Series], top: Double) -> String {
        var text = ""
        for (row, one) in series.enumerated() {
            let y = top + Double(row) * 18 + 6
            text +=
                "<line class=\"s\(one.color % Self.colors.count)\" "
                + "stroke=\"\(Self.colors[one.color % Self.colors.count])\" stroke-width=\"2\" "
                + "\(dash(one)) x1=\"80\" y1=\"\(at(y))\" x2=\"116\" y2=\"\(at(y))\"/>\n"
            text += label(one.name, x: 126, y: y + 4, size: 12, anchor: "start")
        }
        return text
    }

    private func dash(_ series: Series) -> String {
        let dash = Self.dashes[series.dash % Self.dashes.count]
        return dash.isEmpty ? "" : "stroke-dasharray=\"\(dash)\""
    }

    // MARK: Pieces

    private func head(_ height: Double) -> String {
        let scheme = Self.darkColors.enumerated().map {
            ".s\($0.offset){stroke:\($0.element)}.f\($0.offset){fill:\($0.element)}"
        }.joined()
        let cell = report.results.first?.cell
        let title = [
            "wampctl bench \(cell?.scenario.rawValue ?? "")", report.targets.first?.url ?? "",
            report.targets.first?.agent ?? "",
        ].filter { !$0.isEmpty }.joined(separator: "   ")
        let pace =
            switch cell?.pace {
            case .open:
                "open loop, \(report.arrivals.rawValue) arrivals: latency counts from the "
                    + "intended moment of sending"
            default: "closed loop: latency is service time"
            }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(at(Self.width))" height="\(at(height))" \
            viewBox="0 0 \(at(Self.width)) \(at(height))" role="img" \
            font-family="system-ui, 'DejaVu Sans', sans-serif">
            <title>\(escaped(title))</title>
            <style>.b{fill:#ffffff}.t{fill:#1f2328}.m{fill:#59636e}.grid{stroke:#d8dee4}\
            .axis{stroke:#59636e}
            @media (prefers-color-scheme: dark){.b{fill:#0d1117}.t{fill:#e6edf3}.m{fill:#9198a1}\
            .grid{stroke:#2d333b}.axis{stroke:#9198a1}\(scheme)}</style>
            <rect class="b" width="100%" height="100%" fill="#ffffff" rx="6"/>

            """ + label(title, x: 20, y: 26, size: 17, anchor: "start")
                + label(pace, x: 20, y: 46, size: 12, anchor: "start", faint: true)
    }

    private func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ kind: String
    ) -> String {
        let color = kind == "grid" ? "#d8dee4" : "#59636e"
        return "<line class=\"\(kind)\" stroke=\"\(color)\" x1=\"\(at(x1))\" y1=\"\(at(y1))\" "
            + "x2=\"\(at(x2))\" y2=\"\(at(y2))\"/>\n"
    }

    private func label(
        _ text: String, x: Double, y: Double, size: Int, anchor: String = "middle",
        faint: Bool = false
    ) -> String {
        "<text class=\"\(faint ? "m" : "t")\" fill=\"\(faint ? "#59636e" : "#1f2328")\" "
            + "x=\"\(at(x))\" y=\"\(at(y))\" font-size=\"\(size)\" text-anchor=\"\(anchor)\" "
            + "xml:space=\"preserve\">\(escaped(text))</text>\n"
    }

    private func at(_ number: Double) -> String { Figures.fixed(number, 1) }

    private func escaped(_ text: String) -> String {
        Terminal.sanitized(text).replacing("&", with: "&amp;").replacing("<", with: "&lt;")
            .replacing(">", with: "&gt;")
    }
}
