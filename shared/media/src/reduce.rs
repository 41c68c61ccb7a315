//! Shrinks a picture by a whole factor while its rows arrive, so that a large one is never held whole.
//!
//! Box averaging to about twice the target loses nothing that the final resize would keep.

use crate::draw::{Result, broken, check_held};
use crate::raster::{Layout, Raster};

/// Most rows whose samples are added up in 16 bits: 257 times 255 is the largest sum that fits.
const MAX_COLUMN_ROWS: usize = 257;

/// The largest block whose samples add up in 32 bits, with room for rounding.
const MAX_FACTOR: u64 = 4096;

/// Receives rows from the top and averages blocks of them.
pub(crate) struct RowReducer {
    width: usize,
    height: usize,
    layout: Layout,
    factor: usize,
    /// Sums down the columns, one a sample of a row: narrow and in step with the row, so that many are added at once
    columns: Vec<u16>,
    rows_in_columns: usize,
    /// Sums of the block row under way, one a channel of an output pixel
    sums: Vec<u32>,
    rows_in_block: usize,
    rows_seen: usize,
    pixels: Vec<u8>,
}

impl RowReducer {
    /// Prepares for `height` rows of `width` pixels, of which the long side should end near `target`.
    ///
    /// # Errors
    /// When even the reduced picture would be too large to hold.
    pub fn new(width: u32, height: u32, layout: Layout, target: u32) -> Result<Self> {
        let factor = (u64::from(width.max(height)) / (u64::from(target.max(1)) * 2)).clamp(1, MAX_FACTOR);
        let factor = u32::try_from(factor).unwrap_or(u32::MAX);
        check_held(width.div_ceil(factor), height.div_ceil(factor), layout.channels() as u64)?;
        let (width, height, factor) = (width as usize, height as usize, factor as usize);
        let row_len = width.div_ceil(factor) * layout.channels();
        Ok(Self {
            width,
            height,
            layout,
            factor,
            columns: vec![0; if factor == 1 { 0 } else { width * layout.channels() }],
            rows_in_columns: 0,
            sums: vec![0; if factor == 1 { 0 } else { row_len }],
            rows_in_block: 0,
            rows_seen: 0,
            // Grows with the rows that really come: a header alone must not cost memory.
            pixels: Vec::new(),
        })
    }

    /// Takes the next row; further rows than promised are ignored.
    pub fn push(&mut self, row: &[u8]) -> Result<()> {
        if row.len() != self.width * self.layout.channels() {
            return Err(broken("row of unexpected length"));
        }
        if self.rows_seen == self.height {
            return Ok(());
        }
        self.rows_seen += 1;
        if self.factor == 1 {
            self.pixels.extend_from_slice(row);
            return Ok(());
        }
        for (sum, sample) in self.columns.iter_mut().zip(row) {
            *sum += u16::from(*sample);
        }
        self.rows_in_columns += 1;
        if self.rows_in_columns == MAX_COLUMN_ROWS {
            self.add_columns();
        }
        self.rows_in_block += 1;
        if self.rows_in_block == self.factor {
            self.close_block();
        }
        Ok(())
    }

    /// Adds the columns up to blocks and starts them anew.
    fn add_columns(&mut self) {
        match self.layout {
            Layout::Gray => add_blocks::<1>(&mut self.sums, &self.columns, self.factor),
            Layout::Rgb => add_blocks::<3>(&mut self.sums, &self.columns, self.factor),
            Layout::Cmyk => add_blocks::<4>(&mut self.sums, &self.columns, self.factor),
        }
        self.columns.fill(0);
        self.rows_in_columns = 0;
    }

    /// Averages the block row under way. The last block of a row, and the last row, may be narrower.
    fn close_block(&mut self) {
        self.add_columns();
        let channels = self.layout.channels();
        let blocks = self.sums.len() / channels;
        let (full, last) = self.sums.split_at(self.sums.len() - channels);
        for (sums, columns) in [(full, self.factor), (last, self.width - (blocks - 1) * self.factor)] {
            let average = Average::of_samples(columns * self.rows_in_block);
            self.pixels.extend(sums.iter().map(|sum| average.of(*sum)));
        }
        self.sums.fill(0);
        self.rows_in_block = 0;
    }

    /// How many rows came so far.
    pub fn rows_seen(&self) -> usize {
        self.rows_seen
    }

    /// Ends the picture. Rows that never came are paper: white, or no ink.
    ///
    /// # Errors
    /// When not a single row came.
    pub fn finish(mut self) -> Result<Raster> {
        if self.rows_seen == 0 {
            return Err(broken("no rows"));
        }
        if self.rows_in_block > 0 {
            self.close_block();
        }
        let (width, height) = (self.width.div_ceil(self.factor), self.height.div_ceil(self.factor));
        let paper = if self.layout == Layout::Cmyk { 0 } else { 255 };
        self.pixels.resize(width * height * self.layout.channels(), paper);
        let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
        let raster = Raster::new(side(width), side(height), self.layout, self.pixels)?;
        Ok(raster.shrunk_from(side(self.width), side(self.height), self.factor as f64))
    }
}

/// Divides many sums by one count, rounding to the nearest: by a multiplication where the count allows.
struct Average {
    count: u32,
    /// 2 to the 40th by `count`, rounded up. INVARIANT: exact while sum times count is below 2 to the 40th.
    reciprocal: Option<u64>,
}

impl Average {
    fn of_samples(count: usize) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX).max(1);
        // 256 times the count is more than the largest sum and its rounding.
        let exact = 256 * u64::from(count) * u64::from(count) < 1 << 40;
        Self { count, reciprocal: exact.then(|| (1u64 << 40).div_ceil(count.into())) }
    }

    fn of(&self, sum: u32) -> u8 {
        let rounded = sum + self.count / 2;
        let quotient = match self.reciprocal {
            Some(reciprocal) => (u64::from(rounded) * reciprocal) >> 40,
            None => u64::from(rounded / self.count),
        };
        u8::try_from(quotient).unwrap_or(u8::MAX)
    }
}

fn add_blocks<const CHANNELS: usize>(sums: &mut [u32], columns: &[u16], factor: usize) {
    let blocks = columns.chunks(factor * CHANNELS);
    for (sums, block) in sums.as_chunks_mut::<CHANNELS>().0.iter_mut().zip(blocks) {
        for pixel in block.as_chunks::<CHANNELS>().0 {
            for (sum, column) in sums.iter_mut().zip(pixel) {
                *sum += u32::from(*column);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_blocks_and_counts_the_narrow_last_ones_right() {
        // 5 x 5 to a target of 1: factor 2, so the last block is one pixel wide and one row high.
        let mut reducer = RowReducer::new(5, 5, Layout::Gray, 1).unwrap();
        for y in 0..5u8 {
            let row: Vec<u8> = (0..5).map(|x| if x == 4 || y == 4 { 90 } else { (x % 2) * 20 }).collect();
            reducer.push(&row).unwrap();
        }
        let raster = reducer.finish().unwrap();
        assert_eq!((raster.width, raster.height, raster.extent), (3, 3, (2.5, 2.5)));
        assert_eq!(raster.pixels, [10, 10, 90, 10, 10, 90, 90, 90, 90]);
    }

    #[test]
    fn blocks_higher_than_the_column_sums_can_hold_average_right() {
        // Factor 500: the columns are flushed once in the middle of a block.
        let mut reducer = RowReducer::new(3, 1000, Layout::Rgb, 1).unwrap();
        for _ in 0..1000 {
            reducer.push(&[255, 254, 0, 255, 254, 0, 255, 254, 3]).unwrap();
        }
        assert_eq!(reducer.finish().unwrap().pixels, [255, 254, 1, 255, 254, 1]);
    }

    #[test]
    fn averages_are_those_of_a_division() {
        for count in (1..=1024).chain([65_535, 65_536, 1_000_000]) {
            let average = Average::of_samples(count);
            let count = u32::try_from(count).unwrap();
            for value in 0..255 {
                let middle = value * count + count / 2;
                for sum in [value * count, middle, middle + 1, (value + 1) * count - 1, 255 * count] {
                    assert_eq!(u32::from(average.of(sum)), (sum + count / 2) / count, "{sum} by {count}");
                }
            }
        }
    }

    #[test]
    fn missing_rows_are_paper() {
        let mut reducer = RowReducer::new(2, 3, Layout::Gray, 100).unwrap();
        reducer.push(&[1, 2]).unwrap();
        assert_eq!(reducer.finish().unwrap().pixels, [1, 2, 255, 255, 255, 255]);
        assert!(RowReducer::new(2, 3, Layout::Gray, 100).unwrap().finish().is_err());
    }
}
