//! One worker's run queue: four classes, plain and single-threaded. Not here: locks, waking, who steals from whom.

use crate::{Priority, Task};
use std::collections::VecDeque;

/// A `Low` task gets one turn while each `Normal` one gets this many.
const LOW_SKIPS: u64 = 8;

pub(crate) struct RunQueue<T> {
    /// Indexed by `Priority`.
    classes: [VecDeque<T>; 4],
    len: usize,
    /// Turns owed to the low class, in units of 1 / (LOW_SKIPS * normal tasks): each normal turn adds the number of low tasks.
    low_credit: u64,
}

impl<T: Task> RunQueue<T> {
    pub fn new() -> Self {
        Self { classes: Default::default(), len: 0, low_credit: 0 }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn class_len(&self, priority: Priority) -> usize {
        self.classes[priority as usize].len()
    }

    pub fn push(&mut self, task: T, priority: Priority) {
        self.classes[priority as usize].push_back(task);
        self.len += 1;
    }

    pub fn pop(&mut self) -> Option<T> {
        if self.len == 0 {
            return None;
        }
        self.len -= 1;
        let [low, normal, high, max] = &mut self.classes;
        if let Some(task) = max.pop_front().or_else(|| high.pop_front()) {
            return Some(task);
        }
        if low.is_empty() {
            self.low_credit = 0;
            return normal.pop_front();
        }
        if normal.is_empty() {
            return low.pop_front();
        }
        let turn = LOW_SKIPS * normal.len() as u64;
        if self.low_credit >= turn {
            self.low_credit -= turn;
            return low.pop_front();
        }
        self.low_credit += low.len() as u64;
        normal.pop_front()
    }

    /// The `n`th task in the order of the classes from high to low; for a simulator that chooses for itself.
    pub fn take(&mut self, mut n: usize) -> Option<T> {
        for class in self.classes.iter_mut().rev() {
            if n < class.len() {
                self.len -= 1;
                return class.remove(n);
            }
            n -= class.len();
        }
        None
    }

    /// Moves up to `n` tasks, the most urgent and longest waiting first, to the end of `out`.
    pub fn take_some(&mut self, n: usize, out: &mut Vec<(T, Priority)>) {
        const ORDER: [Priority; 4] = [Priority::Max, Priority::High, Priority::Normal, Priority::Low];
        let mut left = n.min(self.len);
        self.len -= left;
        for priority in ORDER {
            let class = &mut self.classes[priority as usize];
            let count = left.min(class.len());
            out.extend(class.drain(..count).map(|task| (task, priority)));
            left -= count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict_classes_then_first_come() {
        let mut queue = RunQueue::new();
        for (task, priority) in
            [(1, Priority::Normal), (2, Priority::High), (3, Priority::Max), (4, Priority::Normal), (5, Priority::High)]
        {
            queue.push(task, priority);
        }
        let order: Vec<i32> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [3, 2, 5, 1, 4]);
    }

    #[test]
    fn low_runs_once_in_eight_rounds() {
        for (normals, lows) in [(1, 1), (3, 1), (1, 4), (10, 3)] {
            let mut queue = RunQueue::new();
            (0..normals).for_each(|n| queue.push(n, Priority::Normal));
            (0..lows).for_each(|n| queue.push(1000 + n, Priority::Low));
            let (mut normal_turns, mut low_turns) = (0, 0);
            for _ in 0..80_000 {
                let task = queue.pop().unwrap();
                let low = task >= 1000;
                queue.push(task, if low { Priority::Low } else { Priority::Normal });
                *(if low { &mut low_turns } else { &mut normal_turns }) += 1;
            }
            let per_normal = normal_turns as f64 / normals as f64;
            let per_low = low_turns as f64 / lows as f64;
            assert!((per_normal / per_low - 8.0).abs() < 0.1, "{normals} normal, {lows} low: {per_normal} to {per_low}");
        }
    }

    #[test]
    fn takes_the_oldest_first() {
        let mut queue = RunQueue::new();
        (0..10).for_each(|n| queue.push(n, Priority::Normal));
        queue.push(99, Priority::High);
        let mut out = Vec::new();
        queue.take_some(4, &mut out);
        assert_eq!(out.iter().map(|x| x.0).collect::<Vec<_>>(), [99, 0, 1, 2]);
        assert_eq!((queue.len(), queue.pop(), queue.take(1)), (7, Some(3), Some(5)));
    }
}
