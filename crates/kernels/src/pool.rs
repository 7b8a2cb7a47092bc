//! The threads that compute the operations of a pass. A token needs hundreds of operations of some
//! microseconds each, so a thread that finished one spins for a moment, because the next follows at once;
//! between passes all of them sleep. Tasks are numbered, and a thread takes the next number when it is free.
use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How long a thread waits for the next operation before it sleeps. Waking it takes about as long.
const SPIN: Duration = Duration::from_micros(100);
/// Values whose copy or sum pays for a thread.
const TASK_VALUES: usize = 1 << 14;
/// Set in `state` while threads may join the operation.
const OPEN: u64 = 1 << 31;
/// The number of the operation is above these bits, the number of threads within it below `OPEN`.
const NUMBER: u32 = 32;

struct Pool {
    /// Number of the operation, whether it is open, and how many threads besides the caller's are within it.
    state: AtomicU64,
    /// Written while no thread is within an operation.
    job: UnsafeCell<Job>,
    next: AtomicUsize,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    sleepers: AtomicUsize,
    sleep: Mutex<()>,
    wake: Condvar,
    /// One operation at a time: that of the scheduler, or that of a vision tower.
    caller: Mutex<()>,
    threads: usize,
    /// Nanoseconds of all threads within tasks, and of callers within operations.
    busy: AtomicU64,
    wall: AtomicU64,
}

/// Times since the start of the process.
#[derive(Debug, Clone, Copy, Default)]
pub struct PoolTimes {
    /// Of all threads within tasks.
    pub busy: Duration,
    /// From the begin to the end of operations.
    pub wall: Duration,
}

#[derive(Clone, Copy)]
struct Job {
    work: &'static (dyn Fn(usize) + Sync),
    tasks: usize,
}

// SAFETY: `job` is written by the one caller while the operation is closed and no thread is within it, and
// read by threads within it only.
unsafe impl Sync for Pool {}

thread_local! {
    /// Whether this thread computes a task: an operation within it runs on this thread alone.
    static IN_TASK: Cell<bool> = const { Cell::new(false) };
}

/// Threads that compute, the caller's included: as many as rayon has, whose number a start sets.
pub fn threads() -> usize {
    rayon::current_num_threads()
}

/// The times of the pool so far.
pub fn times() -> PoolTimes {
    let nanos = |time: &AtomicU64| Duration::from_nanos(time.load(Ordering::Relaxed));
    PoolTimes { busy: nanos(&pool().busy), wall: nanos(&pool().wall) }
}

/// Calls `work` once for each number below `tasks`, from several threads, and returns when all are done.
///
/// # Panics
/// When a task does.
pub fn for_each(tasks: usize, work: impl Fn(usize) + Sync) {
    if tasks <= 1 || IN_TASK.get() || threads() == 1 {
        return (0..tasks).for_each(work);
    }
    pool().run(tasks, &work);
}

/// Calls `work` with each chunk of `size` values and its number; the last may be shorter.
///
/// # Panics
/// When a task does, or `size` is 0.
pub fn chunks_mut<T: Send>(values: &mut [T], size: usize, work: impl Fn(usize, &mut [T]) + Sync) {
    struct Start<T>(*mut T);
    // SAFETY: each task takes another chunk.
    unsafe impl<T: Send> Sync for Start<T> {}
    impl<T> Start<T> {
        fn get(&self) -> *mut T {
            self.0
        }
    }
    let (len, start) = (values.len(), Start(values.as_mut_ptr()));
    for_each(len.div_ceil(size), |at| {
        let from = at * size;
        // SAFETY: chunks do not overlap, lie within `values`, and `values` is borrowed until all are done.
        let chunk = unsafe { std::slice::from_raw_parts_mut(start.get().add(from), size.min(len - from)) };
        work(at, chunk);
    });
}

/// Calls `work` with whole rows of `width` values, as many as pay for a thread, and the number of the first.
///
/// # Panics
/// When a task does, or `width` is 0.
pub fn rows_mut<T: Send>(values: &mut [T], width: usize, work: impl Fn(usize, &mut [T]) + Sync) {
    let rows = (TASK_VALUES / width).max(1);
    chunks_mut(values, rows * width, |task, values| work(task * rows, values));
}

/// `0..len` in ranges of `size`; the last may be shorter.
pub fn ranges(len: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..len).step_by(size).map(move |first| first..len.min(first + size))
}

/// The results of `work` for each number below `tasks`, in order.
///
/// # Panics
/// As [`for_each`].
pub fn map<T: Send>(tasks: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let mut results: Vec<Option<T>> = (0..tasks).map(|_| None).collect();
    chunks_mut(&mut results, 1, |at, result| result[0] = Some(work(at)));
    results.into_iter().map(|result| result.expect("each task was done")).collect()
}

fn pool() -> &'static Pool {
    static POOL: OnceLock<&Pool> = OnceLock::new();
    POOL.get_or_init(|| {
        let pool: &Pool = Box::leak(Box::new(Pool::new(threads())));
        for number in 1..pool.threads {
            let thread = std::thread::Builder::new().name(format!("kernels-{number}"));
            // With fewer threads the others have more to do.
            let _ = thread.spawn(|| pool.serve());
        }
        pool
    })
}

impl Pool {
    fn new(threads: usize) -> Self {
        Self {
            state: AtomicU64::new(0),
            job: UnsafeCell::new(Job { work: &|_| (), tasks: 0 }),
            next: AtomicUsize::new(0),
            panic: Mutex::new(None),
            sleepers: AtomicUsize::new(0),
            sleep: Mutex::new(()),
            wake: Condvar::new(),
            caller: Mutex::new(()),
            threads,
            busy: AtomicU64::new(0),
            wall: AtomicU64::new(0),
        }
    }

    fn run(&self, tasks: usize, work: &(dyn Fn(usize) + Sync)) {
        let caller = self.caller.lock().unwrap_or_else(PoisonError::into_inner);
        let start = Instant::now();
        // SAFETY: no thread uses it after this function returns.
        let work =
            unsafe { std::mem::transmute::<&(dyn Fn(usize) + Sync), &'static (dyn Fn(usize) + Sync)>(work) };
        // SAFETY: no thread is within an operation: the last one returned after all had left.
        unsafe { *self.job.get() = Job { work, tasks } };
        self.next.store(0, Ordering::Relaxed);
        let number = (self.state.load(Ordering::Relaxed) >> NUMBER) + 1;
        self.state.store(number << NUMBER | OPEN, Ordering::SeqCst);
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            drop(self.sleep.lock().unwrap_or_else(PoisonError::into_inner));
            self.wake.notify_all();
        }
        self.take_tasks();
        self.state.fetch_and(!OPEN, Ordering::AcqRel);
        let mut spins = 0u32;
        while self.state.load(Ordering::Acquire) & (OPEN - 1) != 0 {
            spins += 1;
            // A thread within the operation may have lost its core.
            if spins.is_multiple_of(1024) { std::thread::yield_now() } else { std::hint::spin_loop() }
        }
        let panic = self.panic.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.wall.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        drop(caller);
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// The tasks of the open operation, on this thread, until none is left.
    fn take_tasks(&self) {
        // SAFETY: this thread is within the operation.
        let Job { work, tasks } = unsafe { *self.job.get() };
        let start = Instant::now();
        IN_TASK.set(true);
        let result = catch_unwind(AssertUnwindSafe(|| {
            loop {
                let task = self.next.fetch_add(1, Ordering::Relaxed);
                if task >= tasks {
                    break;
                }
                work(task);
            }
        }));
        IN_TASK.set(false);
        self.busy.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        if let Err(panic) = result {
            self.next.store(tasks, Ordering::Relaxed);
            self.panic.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(panic);
        }
    }

    fn serve(&self) {
        let mut seen = 0;
        loop {
            let state = self.wait(seen);
            seen = state >> NUMBER;
            if self.enter(seen) {
                self.take_tasks();
                self.state.fetch_sub(1, Ordering::Release);
            }
        }
    }

    /// Joins operation `number`, unless it is over.
    fn enter(&self, number: u64) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        while state >> NUMBER == number && state & OPEN != 0 {
            match self.state.compare_exchange_weak(state, state + 1, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
        false
    }

    /// The state of the next operation after number `seen`; sleeps if it takes long.
    fn wait(&self, seen: u64) -> u64 {
        let is_next = |state: u64| state >> NUMBER != seen && state & OPEN != 0;
        let start = Instant::now();
        for spins in 1u32.. {
            let state = self.state.load(Ordering::Acquire);
            if is_next(state) {
                return state;
            }
            std::hint::spin_loop();
            if spins.is_multiple_of(256) && start.elapsed() > SPIN {
                break;
            }
        }
        let mut guard = self.sleep.lock().unwrap_or_else(PoisonError::into_inner);
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        // A caller that saw no sleeper has stored its operation before this load.
        let mut state = self.state.load(Ordering::SeqCst);
        while !is_next(state) {
            guard = self.wake.wait(guard).unwrap_or_else(PoisonError::into_inner);
            state = self.state.load(Ordering::SeqCst);
        }
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
        state
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    #[test]
    fn every_task_runs_once() {
        for tasks in [0, 1, 2, 17, 1000] {
            let counts: Vec<AtomicU32> = (0..tasks).map(|_| AtomicU32::new(0)).collect();
            for _ in 0..50 {
                for_each(tasks, |at| {
                    counts[at].fetch_add(1, Ordering::Relaxed);
                });
            }
            assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 50), "{tasks}");
        }
    }

    #[test]
    fn chunks_cover_all_values_and_results_keep_their_order() {
        let mut values = vec![0usize; 1003];
        chunks_mut(&mut values, 10, |at, chunk| chunk.fill(at + chunk.len()));
        assert!(
            values.iter().enumerate().all(|(at, value)| *value == at / 10 + if at < 1000 { 10 } else { 3 })
        );
        assert_eq!(map(100, |at| at * at), (0..100).map(|at| at * at).collect::<Vec<_>>());
    }

    #[test]
    fn an_operation_within_a_task_and_several_callers_are_served() {
        let sum = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        for_each(8, |_| {
                            for_each(8, |at| {
                                sum.fetch_add(at, Ordering::Relaxed);
                            });
                        });
                    }
                });
            }
        });
        assert_eq!(sum.into_inner(), 4 * 100 * 8 * 28);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_goes_on() {
        let panics = catch_unwind(|| for_each(64, |at| assert!(at != 40, "task 40")));
        assert!(panics.is_err());
        assert_eq!(map(10, |at| at).len(), 10);
    }

    #[test]
    fn threads_that_sleep_are_woken() {
        for_each(16, |_| ());
        std::thread::sleep(20 * SPIN);
        assert_eq!(map(64, |at| at).iter().sum::<usize>(), 63 * 32);
    }
}
