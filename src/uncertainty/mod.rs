//! How sure an estimate is: P10, P50 and P90 of every figure, and the chance that one design beats another.
//!
//! A measured time is taken as the estimate times `exp(shift + g(X))`, where `X = sum of c_k u_k` over the components
//! `k` that the estimate is exposed to, the `u_k` are standard normal and independent, and `g(x)` is `fast x` below zero
//! and `slow x` above: split-normal, skewed as the residuals are. With `s^2 = sum of c_k^2` and `z = 1.2816`:
//!
//! `P10 = P50 exp(-z fast s)`, `P50 = estimate exp(shift)`, `P90 = P50 exp(z slow s)`.
//!
//! Every `c_k` comes from the residuals of measured runs that the constants were fitted without, or is an assumption that
//! says so (`evidence/spread.toml`); [`calibrate`](calibrate::calibrate) makes them. The latent `u_k` belong to an owner,
//! a stack, a chip or a run, so that two designs on the same stack share its error and the ratio of their times is surer
//! than either time.

pub mod band;
pub mod calibrate;
pub mod chance;
pub mod coverage;
pub mod exposure;
pub mod figures;
pub mod spread;
