//! The program that the workloads' tests start as the other processes of `queue` and `pipe`. Tests
//! have no `main` of their own that could do it.

fn main() {
    knee_process::init(knee_workloads::entries());
    println!("This program does its work when it is started by a workload.");
}
