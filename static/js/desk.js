// Comfort for the staff's desk: the number of characters follows what is typed. Without it, it is that of the last save.
document.addEventListener("input", (event) => {
  const count = event.target.closest(".form-row")?.querySelector(".count");
  if (count) count.textContent = [...event.target.value].length;
});
