//! A row prepared once and predicted with many sets of constants.

use super::judged::{Judged, Obstacle, Quantity};
use super::memory;
use super::plan::choose;
use super::predict::{Subject, predicted};
use super::table::Row;
use crate::model::estimate_as_measured;
use crate::model::parameters::Calibration;
use crate::model::plan::Plan;

/// What a row's prediction needs besides the constants.
#[derive(Clone)]
pub struct Case {
    pub subject: Subject,
    pub chips: f64,
    pub quantity: Quantity,
    pub measured: f64,
}

/// A row of measured runs with all that its prediction needs but the constants, or why it gets none.
pub struct Prepared<'t> {
    row: &'t Row,
    judged: Judged,
    case: Result<Case, Obstacle>,
}

impl<'t> Prepared<'t> {
    /// A row, what is known of it already, and its case.
    pub fn new(row: &'t Row, judged: Judged, case: Result<Case, Obstacle>) -> Prepared<'t> {
        Prepared { row, judged, case }
    }

    /// What is known of the row before it is predicted.
    pub fn label(&self) -> &Judged {
        &self.judged
    }

    /// The row as it stands in its table.
    pub fn row(&self) -> &'t Row {
        self.row
    }

    /// The quantity that the row is judged on; none where it cannot be predicted.
    pub fn quantity(&self) -> Option<Quantity> {
        self.case.as_ref().ok().map(|case| case.quantity)
    }

    /// The row beside its prediction with these constants, with every choice that the row leaves open made anew.
    pub fn judge(&self, calibration: &Calibration) -> Judged {
        let mut judged = self.judged.clone();
        let outcome = match &self.case {
            Ok(case) => case.judge(self.row, calibration, &mut judged),
            Err(obstacle) => Err(obstacle.clone()),
        };
        if let Err(obstacle) = outcome {
            judged.stop(obstacle);
        }
        judged
    }

    /// The row with the choices that it leaves open made with these constants; none where it cannot be predicted.
    pub fn freeze(&self, calibration: &Calibration) -> Option<Frozen<'t>> {
        let mut case = self.case.as_ref().ok()?.clone();
        let plan = case.plan(calibration)?;
        Some(Frozen { row: self.row, case, plan })
    }
}

impl Case {
    fn judge(&self, row: &Row, calibration: &Calibration, judged: &mut Judged) -> Result<(), Obstacle> {
        let mut subject = self.subject.clone();
        subject.setting.calibration = *calibration;
        if self.quantity == Quantity::PeakMemoryGib {
            return memory::score(row, &subject, self.chips, judged);
        }
        let chosen = choose(&subject.setting, &subject.stated, self.chips, &mut judged.inferred)?;
        judged.memory_disagrees = !chosen.fits;
        let value = predicted(row, &subject, &chosen.estimate, self.chips, self.quantity);
        judged.score(self.quantity, value, self.measured);
        Ok(())
    }

    fn plan(&mut self, calibration: &Calibration) -> Option<Plan> {
        self.subject.setting.calibration = *calibration;
        let chosen = choose(&self.subject.setting, &self.subject.stated, self.chips, &mut Vec::new());
        chosen.ok().map(|chosen| chosen.estimate.plan)
    }
}

/// A row with a plan that stays while constants change: its error is smooth in them.
#[derive(Clone)]
pub struct Frozen<'t> {
    row: &'t Row,
    case: Case,
    plan: Plan,
}

impl Frozen<'_> {
    /// Error of the row on its plan; NaN where the plan cannot be estimated.
    pub fn error(&mut self, calibration: &Calibration) -> f64 {
        let case = &mut self.case;
        case.subject.setting.calibration = *calibration;
        match estimate_as_measured(&case.subject.setting, &self.plan, case.chips) {
            Ok(estimate) => {
                let value = predicted(self.row, &case.subject, &estimate, case.chips, case.quantity);
                case.quantity.error(value, case.measured)
            }
            Err(_) => f64::NAN,
        }
    }

    /// Makes the open choices anew with these constants; whether the plan is another now.
    pub fn choose_again(&mut self, calibration: &Calibration) -> bool {
        match self.case.plan(calibration) {
            Some(plan) if plan != self.plan => {
                self.plan = plan;
                true
            }
            _ => false,
        }
    }
}
