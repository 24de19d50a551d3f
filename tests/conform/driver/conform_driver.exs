# Runs Elixir cases, one after the other, in a node of its own: `elixir conform_driver.exs OUTDIR FILE..`.
# The value of a file's last expression, by inspect, is its answer.
[dir | files] = System.argv()
limit = 2000 * String.to_integer(System.get_env("CONFORM_SECONDS", "30"))

for file <- files do
  task = Task.async(fn ->
    try do
      {value, _} = Code.eval_file(file)
      inspect(value, pretty: true, limit: :infinity, width: 100)
    rescue
      error -> "raised: " <> inspect(error)
    catch
      kind, reason -> "#{kind}: " <> inspect(reason)
    end
  end)

  text =
    case Task.yield(task, limit) || Task.shutdown(task, :brutal_kill) do
      {:ok, text} -> text
      other -> "no answer: #{inspect(other)}"
    end

  File.write!(Path.join(dir, Path.basename(file, ".exs") <> ".out"), text <> "\n")
end
