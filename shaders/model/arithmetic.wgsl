// Arithmetic that f32 and a GPU's inexact division would lose: whole quotients, ln(1 + x), e^x − 1.
//
// f64 needs none of it; the Rust twin is the plain expression at each call.

// x / y, exact where y divides x.
fn divide(x: f32, y: f32) -> f32 {
    let quotient = x / y;
    let whole = round(quotient);
    return select(quotient, whole, whole * y == x);
}

// Smallest whole number of y that holds x; a hundred-thousandth beyond a whole number is rounding, not another y.
fn ceil_divide(x: f32, y: f32) -> f32 {
    let quotient = x / y;
    let whole = round(quotient);
    return select(ceil(quotient), whole, abs(x - whole * y) <= 1e-6 * x);
}

// ln(1 + x) for x > −1.
fn ln_one_plus(x: f32) -> f32 {
    if abs(x) > 0.2 {
        return log(1.0 + x);
    }
    // 2·artanh(x / (2 + x)), the odd series.
    let z = x / (2.0 + x);
    let w = z * z;
    return 2.0 * z * (1.0 + w * (1.0 / 3.0 + w * (0.2 + w * (1.0 / 7.0 + w * (1.0 / 9.0)))));
}

// e^x − 1.
fn exp_minus_one(x: f32) -> f32 {
    if abs(x) > 0.5 {
        return exp(x) - 1.0;
    }
    return x * (1.0 + x * (0.5 + x * (1.0 / 6.0 + x * (1.0 / 24.0 + x * (1.0 / 120.0 + x * (1.0 / 720.0 + x * (1.0 / 5040.0)))))));
}

// a·b, or the largest u32 where the product is larger.
fn saturating_product(a: u32, b: u32) -> u32 {
    if a != 0u && b > 4294967295u / a {
        return 4294967295u;
    }
    return a * b;
}

// Number of y that hold x, for whole numbers.
fn ceil_quotient(x: u32, y: u32) -> u32 {
    return (x + y - 1u) / y;
}
