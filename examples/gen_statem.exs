# A gen_statem: a door with a code lock that locks itself again.
defmodule Door do
  @behaviour :gen_statem

  def start_link(code), do: :gen_statem.start_link(__MODULE__, code, [])
  def press(door, digit), do: :gen_statem.cast(door, {:press, digit})
  def state(door), do: :gen_statem.call(door, :state)

  @impl true
  def callback_mode, do: [:state_functions, :state_enter]

  @impl true
  def init(code), do: {:ok, :locked, %{code: code, left: code}}

  def locked(:enter, old, data) do
    IO.puts("enter locked from #{old}")
    {:keep_state, %{data | left: data.code}}
  end

  def locked(:cast, {:press, digit}, %{left: [digit]} = data), do: {:next_state, :open, data}
  def locked(:cast, {:press, digit}, %{left: [digit | left]} = data), do: {:keep_state, %{data | left: left}}
  def locked(:cast, {:press, _}, data), do: {:keep_state, %{data | left: data.code}}
  def locked({:call, from}, :state, _), do: {:keep_state_and_data, {:reply, from, :locked}}

  def open(:enter, old, _data) do
    IO.puts("enter open from #{old}")
    {:keep_state_and_data, {:state_timeout, 300, :lock}}
  end

  def open(:state_timeout, :lock, data), do: {:next_state, :locked, data}
  # Whoever presses while it is open is heard when it is locked again.
  def open(:cast, {:press, _}, _), do: {:keep_state_and_data, :postpone}
  def open({:call, from}, :state, _), do: {:keep_state_and_data, {:reply, from, :open}}
end

{:ok, door} = Door.start_link([1, 2, 3])
IO.inspect(Door.state(door))
for digit <- [1, 2, 9], do: Door.press(door, digit)
IO.inspect(Door.state(door), label: "wrong code")
for digit <- [1, 2, 3], do: Door.press(door, digit)
IO.inspect(Door.state(door), label: "right code")
for digit <- [1, 2, 3], do: Door.press(door, digit)
IO.inspect(Door.state(door), label: "still open, three presses postponed")
Process.sleep(400)
IO.inspect(Door.state(door), label: "locked itself, then heard the presses")
:ok = :gen_statem.stop(door)
IO.puts("stopped")
