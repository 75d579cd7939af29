//! Runs each input on one thread that has far less stack than a worker of the server: recursion over the
//! input kills the process, which the fuzzer reports.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{LazyLock, Mutex};

const STACK_BYTES: usize = 512 * 1024;

type Job = Box<dyn FnOnce() + Send>;

static WORKER: LazyLock<Mutex<(SyncSender<Job>, Receiver<()>)>> = LazyLock::new(|| {
    let (jobs, inbox) = sync_channel::<Job>(1);
    let (outbox, done) = sync_channel(1);
    let work = move || {
        for job in inbox {
            job();
            if outbox.send(()).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work).expect("a thread can be started");
    Mutex::new((jobs, done))
});

/// A panic on the worker ends the process by libfuzzer-sys's hook.
pub fn run(job: impl FnOnce() + Send + 'static) {
    let worker = WORKER.lock().expect("nothing panics while it is held");
    worker.0.send(Box::new(job)).expect("the worker lives as long as the process");
    worker.1.recv().expect("the worker lives as long as the process");
}
