//! The figures, as a table of medians.

use std::fmt;

use crate::{
    load::Measured,
    target::{FLOOR, REFERENCE},
};

/// Measurements by scenario and server, in the order of measuring.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

struct Row {
    scenario: &'static str,
    target: &'static str,
    measured: Vec<Measured>,
}

impl Report {
    pub(crate) fn add(&mut self, scenario: &'static str, target: &'static str, measured: Measured) {
        match self.rows.iter_mut().find(|row| row.scenario == scenario && row.target == target) {
            Some(row) => row.measured.push(measured),
            None => self.rows.push(Row { scenario, target, measured: vec![measured] }),
        }
    }

    fn per_second(&self, scenario: &str, target: &str) -> Option<f64> {
        let row = self.rows.iter().find(|row| row.scenario == scenario && row.target == target)?;
        Some(row.median(|measured| measured.per_second))
    }
}

impl Row {
    fn median(&self, figure: impl Fn(&Measured) -> f64) -> f64 {
        let mut figures: Vec<f64> = self.measured.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "{:<18} {:<18} {:>9} {:>8} {:>9} {:>8} {:>8} {:>9} {:>8} {:>7}",
            "scenario", "server", "req/s", "% floor", "x Parse", "p50 ms", "p99 ms", "CPU µs", "MiB", "errors"
        )?;
        for row in &self.rows {
            let per_second = row.median(|measured| measured.per_second);
            // The floor knows no sessions: with or without one, it does the same.
            let same = if row.scenario == "get with session" { "get" } else { row.scenario };
            let floor = self.per_second(same, FLOOR);
            let ratio = |base: Option<f64>, scale: f64| {
                base.map_or(String::new(), |base| format!("{:.1}", per_second / base * scale))
            };
            writeln!(
                formatter,
                "{:<18} {:<18} {:>9.0} {:>8} {:>9} {:>8.2} {:>8.2} {:>9.0} {:>8.1} {:>7}",
                row.scenario,
                row.target,
                per_second,
                ratio(floor, 100.0),
                ratio(self.per_second(row.scenario, REFERENCE), 1.0),
                row.median(|measured| measured.p50),
                row.median(|measured| measured.p99),
                row.median(|measured| measured.cpu),
                row.median(|measured| measured.memory),
                row.measured.iter().map(|measured| measured.errors).sum::<u64>(),
            )?;
        }
        Ok(())
    }
}
