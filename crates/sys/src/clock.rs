//! Clocks: monotonic and system time in nanoseconds, processor time, and the calendar in UTC and in the local zone.
//! Not here: time warp modes and time units, which are the node's business.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A calendar moment; months and days count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DateTime {
    pub year: i64,
    pub month: u32,
    pub day: u32,
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
}

impl DateTime {
    pub fn new(year: i64, month: u32, day: u32, hour: u32, minute: u32, second: u32) -> DateTime {
        DateTime { year, month, day, hour, minute, second }
    }

    /// Is there such a day and such a time of day? (Second 60 does not exist.)
    pub fn is_valid(&self) -> bool {
        (1..=12).contains(&self.month)
            && self.day >= 1
            && self.day <= days_in_month(self.year, self.month)
            && self.hour < 24
            && self.minute < 60
            && self.second < 60
    }

    /// `universaltime_to_posixtime/1`; `None` is `badarg`, as for years before 1600.
    pub fn universal_to_posix(&self) -> Option<i64> {
        (self.is_valid() && self.year >= 1600 && self.year < i64::from(i32::MAX)).then(|| self.to_posix())
    }

    /// Seconds since 1970 of this moment taken as UTC, whatever the year.
    pub fn to_posix(&self) -> i64 {
        let time = i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        days_from_civil(self.year, self.month, self.day) * 86400 + time
    }

    /// The moment in UTC (`posixtime_to_universaltime`).
    pub fn from_posix(seconds: i64) -> DateTime {
        let (days, time) = (seconds.div_euclid(86400), seconds.rem_euclid(86400) as u32);
        let (year, month, day) = civil_from_days(days);
        DateTime { year, month, day, hour: time / 3600, minute: time / 60 % 60, second: time % 60 }
    }
}

fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar; years begin in March here, so that the leap day comes last.
fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let month_from_march = i64::from((month + 9) % 12);
    let of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468
}

fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let days = days + 719468;
    let (era, of_era) = (days.div_euclid(146097), days.rem_euclid(146097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = (of_year - (153 * month_from_march + 2) / 5 + 1) as u32;
    let month = ((month_from_march + 2) % 12 + 1) as u32;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Before it, local time is refused: zones meant little, and seconds in 32 bits do not reach further back.
const FIRST_LOCAL_YEAR: i64 = 1902;

/// Time, as a node asks for it.
pub trait Clock: Send + Sync {
    /// Nanoseconds on a clock that never goes back; its zero means nothing.
    fn monotonic_ns(&self) -> i64;
    /// Nanoseconds since 1970 in UTC.
    fn system_ns(&self) -> i64;
    /// The finest counter there is, in nanoseconds (`os:perf_counter/0`).
    fn perf_counter_ns(&self) -> i64;
    /// Processor time of the calling thread.
    fn thread_cpu_ns(&self) -> i64;
    /// Processor time of all threads, apart: (in the program, in the system).
    fn process_times_ns(&self) -> (i64, i64);
    /// The local calendar at a moment.
    fn posix_to_local(&self, seconds: i64) -> Option<DateTime>;
    /// The moment at which the local calendar shows `local`. `dst` settles a doubtful hour: `None` leaves it to the system.
    fn local_to_posix(&self, local: &DateTime, dst: Option<bool>) -> Option<i64>;

    /// `system_ns - monotonic_ns` now (`erlang:time_offset/0` for a system clock that may jump).
    fn offset_ns(&self) -> i64 {
        self.system_ns() - self.monotonic_ns()
    }

    /// `localtime/0`.
    fn local(&self) -> Option<DateTime> {
        self.posix_to_local(self.system_ns().div_euclid(1_000_000_000))
    }

    /// `universaltime/0`.
    fn universal(&self) -> DateTime {
        DateTime::from_posix(self.system_ns().div_euclid(1_000_000_000))
    }

    /// `universaltime_to_localtime/1`; `None` is `badarg`.
    fn universal_to_local(&self, utc: &DateTime) -> Option<DateTime> {
        if utc.is_valid() && utc.year >= FIRST_LOCAL_YEAR { self.posix_to_local(utc.to_posix()) } else { None }
    }

    /// `localtime_to_universaltime/2`; `None` is `badarg`.
    fn local_to_universal(&self, local: &DateTime, dst: Option<bool>) -> Option<DateTime> {
        if !local.is_valid() || local.year < FIRST_LOCAL_YEAR {
            return None;
        }
        self.local_to_posix(local, dst).map(DateTime::from_posix)
    }

    /// How fine the clocks are.
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }
}

/// The machine's clocks.
pub struct RealClock(());

impl RealClock {
    pub fn new() -> RealClock {
        // SAFETY: rule 1: takes nothing; reads TZ once, before the node has threads that could change it.
        unsafe { tzset() };
        RealClock(())
    }
}

impl Default for RealClock {
    fn default() -> RealClock {
        RealClock::new()
    }
}

unsafe extern "C" {
    fn tzset();
}

fn ns(clock: ClockId) -> i64 {
    let t = clock_gettime(clock);
    t.tv_sec * 1_000_000_000 + t.tv_nsec
}

impl Clock for RealClock {
    fn monotonic_ns(&self) -> i64 {
        ns(ClockId::Monotonic)
    }

    fn system_ns(&self) -> i64 {
        ns(ClockId::Realtime)
    }

    fn perf_counter_ns(&self) -> i64 {
        ns(ClockId::Monotonic)
    }

    fn thread_cpu_ns(&self) -> i64 {
        ns(ClockId::ThreadCPUTime)
    }

    fn process_times_ns(&self) -> (i64, i64) {
        // SAFETY: rule 1: a live local, for which all zeros is a value; the call fills it.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            libc::getrusage(libc::RUSAGE_SELF, &mut usage);
            usage
        };
        let ns = |t: libc::timeval| t.tv_sec * 1_000_000_000 + t.tv_usec * 1000;
        (ns(usage.ru_utime), ns(usage.ru_stime))
    }

    fn posix_to_local(&self, seconds: i64) -> Option<DateTime> {
        let mut tm = empty_tm();
        // SAFETY: rule 1: both pointers are to live locals; `localtime_r` writes only to the second.
        let found = unsafe { libc::localtime_r(&seconds, &mut tm) };
        (!found.is_null()).then(|| from_tm(&tm))
    }

    fn local_to_posix(&self, local: &DateTime, dst: Option<bool>) -> Option<i64> {
        let mut tm = empty_tm();
        tm.tm_year = i32::try_from(local.year - 1900).ok()?;
        tm.tm_mon = local.month as i32 - 1;
        tm.tm_mday = local.day as i32;
        tm.tm_hour = local.hour as i32;
        tm.tm_min = local.minute as i32;
        tm.tm_sec = local.second as i32;
        tm.tm_isdst = dst.map_or(-1, i32::from);
        // SAFETY: rule 1: the pointer is to a live local.
        let seconds = unsafe { libc::mktime(&mut tm) };
        // -1 is also the second before 1970; only then is the weekday set.
        (seconds != -1 || tm.tm_wday != -1).then_some(seconds)
    }
}

fn empty_tm() -> libc::tm {
    libc::tm {
        tm_sec: 0,
        tm_min: 0,
        tm_hour: 0,
        tm_mday: 0,
        tm_mon: 0,
        tm_year: 0,
        tm_wday: -1,
        tm_yday: 0,
        tm_isdst: -1,
        tm_gmtoff: 0,
        tm_zone: std::ptr::null(),
    }
}

fn from_tm(tm: &libc::tm) -> DateTime {
    DateTime {
        year: i64::from(tm.tm_year) + 1900,
        month: tm.tm_mon as u32 + 1,
        day: tm.tm_mday as u32,
        hour: tm.tm_hour as u32,
        minute: tm.tm_min as u32,
        second: tm.tm_sec as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar_goes_both_ways() {
        for (posix, date) in [
            (0, DateTime::new(1970, 1, 1, 0, 0, 0)),
            (-1, DateTime::new(1969, 12, 31, 23, 59, 59)),
            (951_782_400, DateTime::new(2000, 2, 29, 0, 0, 0)),
            (1_795_350_600, DateTime::new(2026, 11, 22, 12, 30, 0)),
            (-62_167_219_200, DateTime::new(0, 1, 1, 0, 0, 0)),
        ] {
            assert_eq!(date.to_posix(), posix);
            assert_eq!(DateTime::from_posix(posix), date);
        }
        assert!(!DateTime::new(2023, 2, 29, 0, 0, 0).is_valid());
    }

    /// Answers of ERTS (OTP 25) with TZ=Europe/Stockholm: local, as summer, as winter, undecided.
    /// The zone is the process's, so the table is walked in a process of its own.
    #[test]
    fn zones_as_erts_has_them() {
        if std::env::var("TZ").as_deref() != Ok("Europe/Stockholm") {
            let me = std::env::current_exe().unwrap();
            let again = std::process::Command::new(me).args(["zones_as_erts_has_them"]).env("TZ", "Europe/Stockholm").output();
            let again = again.unwrap();
            assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stdout));
            return;
        }
        let c = RealClock::new();
        let d = |(y, m, d, h, mi, s)| DateTime::new(y, m, d, h, mi, s);
        for (local, answers) in [
            ((2026, 7, 1, 12, 0, 0), [(2026, 7, 1, 10, 0, 0), (2026, 7, 1, 11, 0, 0), (2026, 7, 1, 10, 0, 0)]),
            ((2026, 1, 1, 12, 0, 0), [(2026, 1, 1, 10, 0, 0), (2026, 1, 1, 11, 0, 0), (2026, 1, 1, 11, 0, 0)]),
            ((2026, 3, 29, 2, 30, 0), [(2026, 3, 29, 0, 30, 0), (2026, 3, 29, 1, 30, 0), (2026, 3, 29, 1, 30, 0)]),
            ((2026, 10, 25, 2, 30, 0), [(2026, 10, 25, 0, 30, 0), (2026, 10, 25, 1, 30, 0), (2026, 10, 25, 1, 30, 0)]),
            ((1969, 12, 31, 23, 59, 59), [(1969, 12, 31, 21, 59, 59), (1969, 12, 31, 22, 59, 59), (1969, 12, 31, 22, 59, 59)]),
            ((1970, 1, 1, 0, 59, 59), [(1969, 12, 31, 22, 59, 59), (1969, 12, 31, 23, 59, 59), (1969, 12, 31, 23, 59, 59)]),
            ((2200, 7, 1, 0, 0, 0), [(2200, 6, 30, 22, 0, 0), (2200, 6, 30, 23, 0, 0), (2200, 6, 30, 22, 0, 0)]),
        ] {
            let ours = [Some(true), Some(false), None].map(|dst| c.local_to_universal(&d(local), dst).unwrap());
            assert_eq!(ours, answers.map(d), "{local:?}");
        }
        assert_eq!(c.universal_to_local(&d((2026, 7, 1, 12, 0, 0))), Some(d((2026, 7, 1, 14, 0, 0))));
        for bad in [(1901, 1, 1, 0, 0, 0), (2026, 2, 29, 0, 0, 0), (2026, 1, 1, 24, 0, 0), (2026, 1, 1, 23, 59, 60)] {
            assert_eq!((c.local_to_universal(&d(bad), None), c.universal_to_local(&d(bad))), (None, None));
        }
        assert_eq!(d((1599, 1, 1, 0, 0, 0)).universal_to_posix(), None);
        assert_eq!(d((1600, 1, 1, 0, 0, 0)).universal_to_posix(), Some(-11_676_096_000));
    }

    #[test]
    fn clocks_run() {
        let c = RealClock::new();
        let before = c.monotonic_ns();
        assert!(c.monotonic_ns() >= before);
        assert!(c.system_ns() > 1_600_000_000_000_000_000);
        let (user, system) = c.process_times_ns();
        assert!(c.thread_cpu_ns() > 0 && user >= 0 && system >= 0);
        let local = c.local().unwrap();
        assert!(c.local_to_universal(&local, None).is_some());
    }
}
