use nexus_cli::workload::*;
#[tokio::main(flavor="multi_thread", worker_threads=2)]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let folder = std::path::PathBuf::from("/work/tmp-bench"); let _ = std::fs::remove_dir_all(&folder); std::fs::create_dir_all(&folder).unwrap();
    let o = Options{folder, concurrency: args[2].parse().unwrap(), count: args[3].parse().unwrap(), rounds: args[4].parse().unwrap()};
    let r = match args[1].as_str() { "chain" => chain(&o).await, "fanout" => fanout(&o).await, "replay" => replay(&o).await, "append" => tokio::task::block_in_place(|| append(&o)),
      "deep" => graph(&o, "deep", nexus_definitions::shapes::shape(nexus_definitions::shapes::Shape::RandomDag, o.count as u32, 1)).await, _ => panic!() };
    println!("{}", serde_json::to_string_pretty(&r.unwrap()).unwrap());
}
