//! Plots the results of the page as a bar chart, in SVG for light and dark themes.

use std::fmt::Write as _;

use super::report::Section;

const WIDTH: f64 = 760.0;
const LABELS: f64 = 130.0;
const BARS: f64 = 470.0;
const ROW: f64 = 30.0;
const BAR: f64 = 18.0;
const HEAD: f64 = 46.0;

const STYLE: &str = "
    text { font: 14px system-ui, sans-serif; fill: #1f2328 }
    .title { font-weight: 600 }
    .note { fill: #59636e; font-size: 12px }
    .server { fill: #0969da }
    .database { fill: #9a6700 }
    .rate { fill: #1a7f37 }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc }
      .note { fill: #9198a1 }
      .server { fill: #4493f8 }
      .database { fill: #d29922 }
      .rate { fill: #3fb950 }
    }
  ";

/// Plots the CPU time and the rate of a section's rows.
pub fn page(section: &Section, note: &str) -> String {
    let rows = section.rows.len() as f64;
    let panel = HEAD + rows * ROW;
    let height = 2.0 * panel + 34.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n  \
         <title>{}</title>\n  <style>{STYLE}</style>\n",
        escaped(&section.title)
    );
    let costs = section.rows.iter().map(|(_, it)| known(it.server_ms) + it.database_ms);
    let highest = costs.fold(f64::MIN_POSITIVE, f64::max);
    head(&mut svg, 0.0, "CPU time per page, in ms: less is better");
    legend(&mut svg, 520.0, "server", "the server");
    legend(&mut svg, 625.0, "database", "PostgreSQL");
    for (number, (name, it)) in section.rows.iter().enumerate() {
        let top = HEAD + number as f64 * ROW;
        let (server, database) = (BARS * known(it.server_ms) / highest, BARS * it.database_ms / highest);
        label(&mut svg, top, name);
        bar(&mut svg, LABELS, top, server, "server");
        bar(&mut svg, LABELS + server, top, database, "database");
        let value = match it.server_ms.is_nan() {
            true => format!("{:.2}", it.database_ms),
            false => format!("{:.2} + {:.2}", it.server_ms, it.database_ms),
        };
        figure(&mut svg, LABELS + server + database, top, &value);
    }
    let fastest = section.rows.iter().map(|(_, it)| it.per_second).fold(f64::MIN_POSITIVE, f64::max);
    head(&mut svg, panel, "Pages per second, all cores busy: more is better");
    for (number, (name, it)) in section.rows.iter().enumerate() {
        let top = panel + HEAD + number as f64 * ROW;
        let long = BARS * it.per_second / fastest;
        label(&mut svg, top, name);
        bar(&mut svg, LABELS, top, long, "rate");
        figure(&mut svg, LABELS + long, top, &format!("{:.0}", it.per_second));
    }
    let _ = writeln!(
        svg,
        "  <text class=\"note\" x=\"0\" y=\"{}\">{}</text>\n</svg>",
        2.0 * panel + 22.0,
        escaped(note)
    );
    svg
}

fn known(ms: f64) -> f64 {
    if ms.is_nan() { 0.0 } else { ms }
}

fn head(svg: &mut String, top: f64, text: &str) {
    let _ = writeln!(svg, "  <text class=\"title\" x=\"0\" y=\"{}\">{text}</text>", top + 26.0);
}

fn legend(svg: &mut String, x: f64, class: &str, text: &str) {
    let _ = writeln!(svg, "  <rect class=\"{class}\" x=\"{x}\" y=\"14\" width=\"14\" height=\"14\"/>");
    let _ = writeln!(svg, "  <text x=\"{}\" y=\"26\">{text}</text>", x + 20.0);
}

fn label(svg: &mut String, top: f64, text: &str) {
    let (x, y) = (LABELS - 10.0, top + 14.0);
    let _ = writeln!(svg, "  <text x=\"{x}\" y=\"{y}\" text-anchor=\"end\">{}</text>", escaped(text));
}

fn bar(svg: &mut String, x: f64, y: f64, long: f64, class: &str) {
    let _ = writeln!(
        svg,
        "  <rect class=\"{class}\" x=\"{x:.1}\" y=\"{y}\" width=\"{long:.1}\" height=\"{BAR}\"/>"
    );
}

fn figure(svg: &mut String, x: f64, top: f64, text: &str) {
    let _ = writeln!(svg, "  <text x=\"{:.1}\" y=\"{}\">{text}</text>", x + 8.0, top + 14.0);
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
