//! Colours that stay apart for every eye, with a marker and a letter each.

/// Red, green, blue.
pub type Colour = (u8, u8, u8);

/// Colour, marker and letter of a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sign {
    pub colour: Colour,
    pub marker: Marker,
    pub letter: char,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    TriangleDown,
    Star,
    Pentagon,
    Cross,
}

const fn sign(colour: Colour, marker: Marker, letter: char) -> Sign {
    Sign { colour, marker, letter }
}

/// The palette of Okabe and Ito (2008); yellow last, as it is faint on white.
pub const SIGNS: [Sign; 8] = [
    sign((0, 114, 178), Marker::Circle, 'A'),
    sign((213, 94, 0), Marker::Square, 'B'),
    sign((0, 158, 115), Marker::Triangle, 'C'),
    sign((204, 121, 167), Marker::Diamond, 'D'),
    sign((230, 159, 0), Marker::TriangleDown, 'E'),
    sign((86, 180, 233), Marker::Star, 'F'),
    sign((60, 60, 60), Marker::Pentagon, 'G'),
    sign((222, 205, 40), Marker::Cross, 'H'),
];
/// Whatever has no sign of its own.
pub const OTHER: Sign = sign((160, 160, 160), Marker::Circle, 'o');
/// Lines and texts.
pub const INK: Colour = (40, 40, 40);
/// The rows behind a frontier.
pub const FAINT: Colour = (175, 175, 175);

/// The sign of a category by its rank.
pub fn of(rank: usize) -> Sign {
    SIGNS.get(rank).copied().unwrap_or(OTHER)
}

/// `#rrggbb`.
pub fn hex((red, green, blue): Colour) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Viridis, which grows evenly in lightness: 0 dark, 1 bright.
pub fn viridis(share: f64) -> Colour {
    kuva::plot::ColorMap::Viridis.map_rgb(share.clamp(0.0, 1.0)).unwrap_or(INK)
}

/// The character of a share where there are no colours.
pub fn shade(share: f64) -> char {
    const SHADES: [char; 5] = ['·', '░', '▒', '▓', '█'];
    SHADES[((share.clamp(0.0, 1.0) * 5.0) as usize).min(4)]
}

/// White on dark, dark on bright.
pub fn ink_on((red, green, blue): Colour) -> Colour {
    let luma = 0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue);
    if luma > 140.0 { INK } else { (255, 255, 255) }
}
